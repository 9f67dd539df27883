// Draws of one of K categories and their relaxation: a point y = softmax((logits + noise) / temperature) of the simplex,
// with standard Gumbel noise (Jang et al. 2017, Maddison et al. 2017), and estimates of the gradient of the mean cost
// with respect to the logits. Pure functions; the cost is f(y) = (weights . y - target)^2.

export function softmax(logits, temperature = 1) {
  const top = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp((logit - top) / temperature));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

export function relaxed(logits, noise, temperature) {
  return softmax(
    logits.map((logit, k) => logit + noise[k]),
    temperature,
  );
}

export function largest(numbers) {
  return numbers.indexOf(Math.max(...numbers));
}

export const corner = (k, size) => Array.from({ length: size }, (_, i) => (i === k ? 1 : 0));

const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);

export function cost(y, { weights, target }) {
  return (dot(weights, y) - target) ** 2;
}

// By enumeration: d/dlogit_j of sum_k p_k f_k is p_j (f_j - sum_k p_k f_k).
export function exactGradient(logits, task) {
  const p = softmax(logits);
  const costs = p.map((_, k) => cost(corner(k, p.length), task));
  const mean = dot(p, costs);
  return p.map((share, j) => share * (costs[j] - mean));
}

// The relaxed point's gradient; `hard`: with the cost's slopes at the nearest corner instead (straight-through).
export function relaxedGradient(logits, noise, temperature, task, hard = false) {
  const y = relaxed(logits, noise, temperature);
  const at = hard ? corner(largest(y), y.length) : y;
  const outer = 2 * (dot(task.weights, at) - task.target);
  const slopes = task.weights.map((weight) => outer * weight);
  const mean = dot(y, slopes);
  return y.map((share, j) => (share * (slopes[j] - mean)) / temperature);
}

// (f - baseline) times the gradient of log p_k, for the category k that the noise chooses.
export function reinforce(logits, noise, task, baseline = 0) {
  const p = softmax(logits);
  const k = largest(logits.map((logit, i) => logit + noise[i]));
  const weight = cost(corner(k, p.length), task) - baseline;
  return p.map((share, j) => weight * ((j === k ? 1 : 0) - share));
}

// A point of the simplex of three categories in the plane: corners at (0, 0), (1, 0) and the top of their triangle.
export function inTriangle([, b, c]) {
  return [b + 0.5 * c, (c * Math.sqrt(3)) / 2];
}
