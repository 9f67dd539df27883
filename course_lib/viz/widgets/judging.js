// Two densities on a line, the best judge between them, and what it tells a generator, as pure functions. p is an equal
// mixture of Gaussians at mean ± gap, q one Gaussian; a density is {mean, std, gap}. Integrals are sums over a grid, all in
// nats.

import { sigmoid, softplus } from "./game.js";

const [LOW, HIGH, COUNT] = [-16, 16, 3201];
const STEP = (HIGH - LOW) / (COUNT - 1);
const GRID = Array.from({ length: COUNT }, (_, i) => LOW + i * STEP);

export function logDensity(x, { mean, std, gap = 0 }) {
  const log = (centre) => -0.5 * ((x - centre) / std) ** 2 - Math.log(std) - 0.5 * Math.log(2 * Math.PI);
  const [a, b] = [log(mean - gap), log(mean + gap)];
  return Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b))) - Math.LN2;
}

// The logit of the best judge, D* = p / (p + q), and its slope along x.
export function bestLogit(x, p, q) {
  return logDensity(x, p) - logDensity(x, q);
}

function slopeOfLog(x, { mean, std, gap = 0 }) {
  const right = sigmoid((2 * gap * (x - mean)) / std ** 2); // the share of the mode at mean + gap
  return (mean + (2 * right - 1) * gap - x) / std ** 2;
}

export function slopeOfLogit(x, p, q) {
  return slopeOfLog(x, p) - slopeOfLog(x, q);
}

// What the best judge reaches, E_p[log D*] + E_q[log(1 - D*)], and the Jensen-Shannon divergence by its own definition: half
// of KL(p ‖ m) and of KL(q ‖ m) with the mixture m of both.
export function reached(p, q) {
  let [value, divergence] = [0, 0];
  for (const x of GRID) {
    const [logP, logQ] = [logDensity(x, p), logDensity(x, q)];
    const [ofP, ofQ] = [Math.exp(logP) * STEP, Math.exp(logQ) * STEP];
    const logit = logP - logQ;
    value -= ofP * softplus(-logit) + ofQ * softplus(logit);
    const logM = Math.max(logP, logQ) + Math.log1p(Math.exp(-Math.abs(logit))) - Math.LN2;
    divergence += 0.5 * (ofP * (logP - logM) + ofQ * (logQ - logM));
  }
  return { value, divergence };
}

// Where each of the generator's two losses pushes a generated point x, the judge held still: minus their slopes along x.
// log(1 - D) leaves D of the logit's slope, -log D leaves 1 - D.
export function pushes(x, p, q) {
  const [logit, slope] = [bestLogit(x, p, q), slopeOfLogit(x, p, q)];
  return { saturating: sigmoid(logit) * slope, plain: sigmoid(-logit) * slope };
}

// The mean length of both pushes over q.
export function meanPushes(p, q) {
  let [plain, saturating] = [0, 0];
  for (const x of GRID) {
    const share = Math.exp(logDensity(x, q)) * STEP;
    if (share < 1e-12) continue;
    const found = pushes(x, p, q);
    plain += share * Math.abs(found.plain);
    saturating += share * Math.abs(found.saturating);
  }
  return { plain, saturating };
}
