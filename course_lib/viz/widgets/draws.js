// A draw z = mu + sigma * eps from a normal distribution, costs f of it, and two estimates of the derivatives of the
// mean cost with respect to mu and sigma, as pure functions. A gradient is [with respect to mu, with respect to sigma].

const STEP = 1; // where the step is

export function density(z, mu, sigma) {
  return Math.exp(-0.5 * ((z - mu) / sigma) ** 2) / (sigma * Math.sqrt(2 * Math.PI));
}

// Each cost: its value and slope at z, and the gradient of its mean under N(mu, sigma^2) in closed form.
export const COSTS = {
  bowl: {
    label: "a bowl",
    value: (z) => 0.5 * (z - 1) ** 2,
    slope: (z) => z - 1,
    gradient: (mu, sigma) => [mu - 1, sigma],
  },
  wave: {
    label: "a wave",
    value: (z) => 1 + Math.cos(3 * z),
    slope: (z) => -3 * Math.sin(3 * z),
    gradient: (mu, sigma) => {
      const smooth = Math.exp(-4.5 * sigma ** 2);
      return [-3 * Math.sin(3 * mu) * smooth, -9 * sigma * Math.cos(3 * mu) * smooth];
    },
  },
  step: {
    label: "a step",
    value: (z) => (z < STEP ? 2 : 0),
    slope: () => 0,
    gradient: (mu, sigma) => [
      -2 * density(STEP, mu, sigma),
      (2 * (mu - STEP) * density(STEP, mu, sigma)) / sigma,
    ],
  },
};

export function pathwise(cost, mu, sigma, eps) {
  const slope = cost.slope(mu + sigma * eps);
  return [slope, slope * eps];
}

export function scoreFunction(cost, mu, sigma, eps) {
  const value = cost.value(mu + sigma * eps);
  return [(value * eps) / sigma, (value * (eps ** 2 - 1)) / sigma];
}

// Mean and standard deviation (divided by n) of numbers.
export function summary(numbers) {
  const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  const squares = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / numbers.length) };
}
