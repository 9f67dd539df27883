// The game of Goodfellow et al. 2014 (arXiv:1406.2661) in the plane, as functions of one value {G, D, ...}: turns of the
// discriminator and of the generator, what the one sees and where it pushes the other, and how many modes are covered.

import { adam, backward, forward, fresh, network, random, squaredSlope } from "./players.js";

export const softplus = (l) => Math.max(l, 0) + Math.log1p(Math.exp(-Math.abs(l)));
export const sigmoid = (l) => (l >= 0 ? 1 / (1 + Math.exp(-l)) : Math.exp(l) / (1 + Math.exp(l)));

// The generator's loss at a logit, and its derivative with respect to the logit: -log D, or log(1 - D) if it saturates.
export function generatorLoss(logit, saturating) {
  const value = saturating ? -softplus(logit) : softplus(-logit);
  return { value, slope: saturating ? -sigmoid(logit) : -sigmoid(-logit) };
}

function learner(sizes, values) {
  const zeros = () => new Float64Array(values.length);
  const gradient = network(sizes, zeros());
  return { ...network(sizes, Float64Array.from(values)), gradient, adam: { step: 0, mean: zeros(), square: zeros() } };
}

const sizesOf = (hidden) => ({ G: [2, hidden, hidden, 2], D: [2, hidden, hidden, 1] });

// A game from all numbers of its players' networks: noise of two numbers to points of the plane, and points to one logit.
export function game(hidden, ofG, ofD) {
  const { G, D } = sizesOf(hidden);
  return { G: learner(G, ofG), D: learner(D, ofD), turnsOfG: 0, turnsOfD: 0, lossOfD: 2 * Math.LN2 };
}

export function newGame(seed, hidden) {
  const [numbers, { G, D }] = [random(seed), sizesOf(hidden)];
  return { ...game(hidden, fresh(G, numbers).values, fresh(D, numbers).values), numbers };
}

function descend(player, rate, beta1) {
  adam(player.values, player.gradient.values, player.adam, { rate, beta1 });
  player.gradient.values.fill(0);
}

// One turn of the discriminator on real points and noise, both (rows * 2). Without `detach` its loss leaves a gradient in the
// generator as well, which stays there until the generator's turn.
export function turnOfD(now, real, z, { gamma, beta1, rate, detach }) {
  const { G, D } = now;
  const rows = real.length / 2;
  const made = forward(G, z, rows);
  const [onReal, onFake] = [forward(D, real, rows), forward(D, made.at(-1), rows)];
  D.gradient.values.fill(0); // what the generator's turn would leave here
  backward(D, onReal, onReal.at(-1).map((l) => -sigmoid(-l) / rows), rows, D.gradient);
  const below = backward(D, onFake, onFake.at(-1).map((l) => sigmoid(l) / rows), rows, D.gradient);
  if (!detach) backward(G, made, below, rows, G.gradient);
  if (gamma > 0) squaredSlope(D, onReal, rows, gamma, D.gradient);
  now.lossOfD = 0;
  for (let i = 0; i < rows; i++) now.lossOfD += (softplus(-onReal.at(-1)[i]) + softplus(onFake.at(-1)[i])) / rows;
  descend(D, rate, beta1);
  now.turnsOfD += 1;
}

// One turn of the generator, through the discriminator as it is.
export function turnOfG(now, z, { beta1, rate, saturating }) {
  const { G, D } = now;
  const rows = z.length / 2;
  const made = forward(G, z, rows);
  const seen = forward(D, made.at(-1), rows);
  const slope = seen.at(-1).map((l) => generatorLoss(l, saturating).slope / rows);
  backward(G, made, backward(D, seen, slope, rows), rows, G.gradient);
  descend(G, rate, beta1);
  now.turnsOfG += 1;
}

// Where the gradient that the generator gets pushes each point: minus the slope of its loss there and, without `detach`, of the
// discriminator's.
export function push({ D }, points, { saturating, detach }) {
  const rows = points.length / 2;
  const seen = forward(D, points, rows);
  const slope = seen.at(-1).map((l) => -generatorLoss(l, saturating).slope - (detach ? 0 : sigmoid(l)));
  return backward(D, seen, slope, rows);
}

export function generated({ G }, z) {
  return forward(G, z, z.length / 2).at(-1);
}

// The probability of being real at each point.
export function judged({ D }, points) {
  return forward(D, points, points.length / 2).at(-1).map(sigmoid);
}

export function noise(count, { normal }) {
  return Float64Array.from({ length: 2 * count }, normal);
}

// Points of an equal mixture of round Gaussians.
export function drawn(count, centers, std, { uniform, normal }) {
  const points = new Float64Array(2 * count);
  for (let i = 0; i < count; i++) {
    const [x, y] = centers[Math.floor(uniform() * centers.length)];
    points[2 * i] = x + std * normal();
    points[2 * i + 1] = y + std * normal();
  }
  return points;
}

// How many points lie within three standard deviations of their nearest centre, by centre.
export function coverage(points, centers, std) {
  const counts = centers.map(() => 0);
  for (let i = 0; i < points.length; i += 2) {
    const distances = centers.map(([x, y]) => Math.hypot(points[i] - x, points[i + 1] - y));
    const nearest = distances.indexOf(Math.min(...distances));
    if (distances[nearest] <= 3 * std) counts[nearest] += 1;
  }
  return counts;
}

// One turn of the generator after `criticSteps` of the discriminator.
export function turn(now, centers, std, settings) {
  for (let k = 0; k < settings.criticSteps; k++)
    turnOfD(now, drawn(settings.batch, centers, std, now.numbers), noise(settings.batch, now.numbers), settings);
  turnOfG(now, noise(settings.batch, now.numbers), settings);
}
