// Points on a curve, blurred by Gaussian noise: what the mean of all clean points is that a noisy one may come from, and
// which way the density of noisy points rises, as pure functions. A point is [x, y]; the clean data are `centers`, each a
// round Gaussian of standard deviation `std`, all equally likely.

const squaredDistance = ([ax, ay], [bx, by]) => (ax - bx) ** 2 + (ay - by) ** 2;

// How likely it is that a noisy point y comes from each centre: adds up to 1.
export function shares(y, { centers, std }, sigma) {
  const variance = std ** 2 + sigma ** 2;
  const logs = centers.map((center) => -squaredDistance(y, center) / (2 * variance));
  const top = Math.max(...logs);
  const weights = logs.map((log) => Math.exp(log - top));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

// E[x | y]: what the best denoiser answers. Under one centre it is the mean of two Gaussians' product.
export function denoised(y, data, sigma) {
  const towards = sigma ** 2 / (data.std ** 2 + sigma ** 2);
  const [mx, my] = mixed(shares(y, data, sigma), data.centers);
  return [y[0] + towards * (mx - y[0]), y[1] + towards * (my - y[1])];
}

// The gradient of the log-density of noisy points, by its own sum.
export function score(y, data, sigma) {
  const [mx, my] = mixed(shares(y, data, sigma), data.centers);
  const variance = data.std ** 2 + sigma ** 2;
  return [(mx - y[0]) / variance, (my - y[1]) / variance];
}

function mixed(weights, points) {
  return points.reduce(([sx, sy], [x, y], i) => [sx + weights[i] * x, sy + weights[i] * y], [0, 0]);
}

// Where a point comes to that is denoised again and again, each time a share of the way, as sigma falls to `last` by
// the same factor from step to step.
export function path(y, data, sigma, { steps = 40, share = 0.3, last = 0.02 } = {}) {
  const points = [y];
  for (let step = 0; step < steps; step++) {
    const now = sigma > last ? sigma * (last / sigma) ** (step / (steps - 1)) : sigma;
    const [x0, y0] = points[step];
    const [x1, y1] = denoised(points[step], data, now);
    points.push([x0 + share * (x1 - x0), y0 + share * (y1 - y0)]);
  }
  return points;
}

export function distanceTo(y, centers) {
  return Math.sqrt(Math.min(...centers.map((center) => squaredDistance(y, center))));
}
