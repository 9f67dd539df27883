// One latent number z with a standard normal prior, seen through x = z² + noise: prior, likelihood, posterior, and what
// a guess q = N(mean, width²) makes of them, as pure functions. Integrals are sums over a grid; all is in nats.

const [LOW, HIGH, COUNT] = [-12, 12, 4801];
const STEP = (HIGH - LOW) / (COUNT - 1);
export const GRID = Array.from({ length: COUNT }, (_, i) => LOW + i * STEP);

export function decode(z) {
  return z * z;
}

export function logNormal(value, mean, std) {
  return -0.5 * ((value - mean) / std) ** 2 - Math.log(std) - 0.5 * Math.log(2 * Math.PI);
}

// What is known once x is: log p(x, z) on the grid, and log p(x), its integral.
export function observed(x, noise) {
  const logJoint = GRID.map((z) => logNormal(z, 0, 1) + logNormal(x, decode(z), noise));
  const top = Math.max(...logJoint);
  const mass = logJoint.reduce((sum, value) => sum + Math.exp(value - top), 0);
  return { x, noise, logJoint, evidence: top + Math.log(mass * STEP) };
}

// The posterior density p(z|x) at any z.
export function posterior({ x, noise, evidence }, z) {
  return Math.exp(logNormal(z, 0, 1) + logNormal(x, decode(z), noise) - evidence);
}

// Averages over q: E[log p(x|z)], the divergences to prior and posterior, and the ELBO, each by its own sum.
export function guessed({ x, noise, logJoint, evidence }, mean, width) {
  let [reconstruction, toPrior, elbo, toPosterior] = [0, 0, 0, 0];
  GRID.forEach((z, i) => {
    const logQ = logNormal(z, mean, width);
    if (logQ < -60) return;
    const share = Math.exp(logQ) * STEP;
    reconstruction += share * logNormal(x, decode(z), noise);
    toPrior += share * (logQ - logNormal(z, 0, 1));
    elbo += share * (logJoint[i] - logQ);
    toPosterior += share * (logQ - (logJoint[i] - evidence));
  });
  return { reconstruction, toPrior, elbo, toPosterior };
}

// The top of the hill of the ELBO on which this guess stands: steps in mean and log-width while they help, then smaller
// ones.
export function climbed(seen, mean, width, { narrowest, widest }) {
  let [at, log] = [mean, Math.log(width)];
  const clamped = (value) => Math.min(Math.max(value, Math.log(narrowest)), Math.log(widest));
  const height = (m, l) => guessed(seen, m, Math.exp(l)).elbo;
  let best = height(at, log);
  for (let step = 0.16; step > 1e-4; step /= 2)
    for (let moved = true; moved; ) {
      moved = false;
      for (const [dm, dl] of [
        [step, 0],
        [-step, 0],
        [0, step],
        [0, -step],
      ]) {
        const [m, l] = [at + dm, clamped(log + dl)];
        const found = height(m, l);
        if (found > best + 1e-9) [at, log, best, moved] = [m, l, found, true];
      }
    }
  return [at, Math.exp(log)];
}
