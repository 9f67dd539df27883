// The course's rulers on clouds of the plane, as pure functions, and the clouds that a model without shame could hand in.
// A point is [x, y]; a cloud is a list of points.

import { covariance, mean, squaredDistance } from "./cloud.js";

// The covariance divided by n - 1, as torch has it.
function unbiased(points) {
  const n = points.length;
  return covariance(points).map((row) => row.map((value) => (value * n) / (n - 1)));
}

const trace = ([[a], [, d]]) => a + d;
const determinant = ([[a, b], [c, d]]) => a * d - b * c;

// The squared Fréchet distance. The trace of the square root of Ca Cb, a matrix of two rows with eigenvalues that aren't
// negative, is sqrt(trace + 2 sqrt(determinant)).
export function frechet(a, b) {
  const [ca, cb] = [unbiased(a), unbiased(b)];
  const crossed = ca[0][0] * cb[0][0] + 2 * ca[0][1] * cb[0][1] + ca[1][1] * cb[1][1];
  const area = Math.sqrt(Math.max(determinant(ca) * determinant(cb), 0));
  const root = Math.sqrt(Math.max(crossed + 2 * area, 0));
  return Math.max(squaredDistance(mean(a), mean(b)) + trace(ca) + trace(cb) - 2 * root, 0);
}

// The unbiased squared discrepancy under the kernel (x·y / 2 + 1)³, without the pairs of a point with itself.
export function kernel(a, b) {
  const k = ([ax, ay], [bx, by]) => ((ax * bx + ay * by) / 2 + 1) ** 3;
  const within = (points) => {
    let sum = 0;
    for (let i = 0; i < points.length; i++) for (let j = 0; j < i; j++) sum += 2 * k(points[i], points[j]);
    return sum / (points.length * (points.length - 1));
  };
  let across = 0;
  for (const p of a) for (const q of b) across += k(p, q);
  return within(a) + within(b) - (2 * across) / (a.length * b.length);
}

// How far the ball around each point reaches: to its k-th nearest neighbour, and a hair more, so that rims count.
export function radii(points, k) {
  return points.map((point) => {
    const squared = points.map((other) => squaredDistance(point, other)).sort((a, b) => a - b);
    return Math.sqrt(squared[k]) * (1 + 1e-9) + 1e-12;
  });
}

// The share of `points` inside a ball of `centres`.
export function shareInside(points, centres, reach) {
  const inside = points.filter((p) => centres.some((c, i) => squaredDistance(p, c) <= reach[i] ** 2));
  return inside.length / points.length;
}

// The share of the balls of real points that hold a generated one.
export function shareHolding(generated, real, reach) {
  const holding = real.filter((c, i) => generated.some((p) => squaredDistance(p, c) <= reach[i] ** 2));
  return holding.length / real.length;
}

// How often a generated point lies nearer to the training points than a held-out one does; ties count half.
export function closer(generated, train, heldOut) {
  const nearest = (points) => points.map((p) => Math.min(...train.map((t) => squaredDistance(p, t))));
  const theirs = nearest(heldOut);
  let won = 0;
  for (const ours of nearest(generated)) for (const other of theirs) won += ours < other ? 1 : ours === other ? 0.5 : 0;
  return won / (generated.length * heldOut.length);
}

// Every ruler at once. `real` is the reference that none but the rulers see, `train` what the model was trained on.
export function measure(generated, { real, train, heldOut }) {
  const reach = radii(real, 5);
  return {
    frechet: frechet(generated, real),
    kernel: kernel(generated, real),
    precision: shareInside(generated, real, radii(real, 3)),
    recall: shareInside(real, generated, radii(generated, 3)),
    coverage: shareHolding(generated, real, reach),
    copies: closer(generated, train, heldOut),
  };
}

// The points that are handed in. `settings`: how many heaps are `dropped`, how much noise blurs them, the share of `copies`
// of training points in per cent, how many lie far out, whether one Gaussian stands in for all heaps, and the `shift`.
// `given`: heaps {centers, std}, the Gaussian {mean, factor} with factor · factorᵀ the data's covariance, training points,
// `outliers`, and for each point the noise [heap, e1, e2, f1, f2].
export function handedIn(settings, given, noise) {
  const heaps = given.centers.slice(settings.dropped);
  const numCopies = Math.round((settings.copies / 100) * noise.length);
  const [[a], [b, c]] = given.factor;
  return noise.map(([heap, e1, e2, f1, f2], i) => {
    if (i >= noise.length - settings.outliers) return given.outliers[noise.length - 1 - i];
    if (i < numCopies) return given.train[i];
    const centre = heaps[Math.floor(heap * heaps.length)];
    const [x, y] = settings.gaussian
      ? [given.mean[0] + a * e1, given.mean[1] + b * e1 + c * e2]
      : [centre[0] + given.std * e1, centre[1] + given.std * e2];
    return [x + settings.blur * f1 + settings.shift[0], y + settings.blur * f2 + settings.shift[1]];
  });
}

// The ellipse two standard deviations around a cloud's mean: the half axes and the angle of the longer one.
export function ellipse(points) {
  const [[a, b], [, d]] = unbiased(points);
  const [middle, half] = [(a + d) / 2, Math.hypot((a - d) / 2, b)];
  const angle = 0.5 * Math.atan2(2 * b, a - d);
  return { at: mean(points), axes: [middle + half, middle - half].map((v) => 2 * Math.sqrt(Math.max(v, 0))), angle };
}
