// The Dirac-GAN of Mescheder et al. 2018 (arXiv:1801.04406): real data are one point, 0; the generator has one weight, where
// its point lies, and the discriminator one, the slope of its logit psi * x. As pure functions; a state is [theta, psi].

import { sigmoid } from "./game.js";

// Each game: where its two losses push [theta, psi] (minus each player's gradient), and the matrix of that push around
// [0, 0] where it has one, by rows.
export const GAMES = {
  minimax: {
    label: "log(1 − D)",
    push: ([theta, psi]) => [sigmoid(psi * theta) * psi, -sigmoid(psi * theta) * theta],
    around: () => [
      [0, 0.5],
      [-0.5, 0],
    ],
  },
  plain: {
    label: "−log D",
    push: ([theta, psi]) => [sigmoid(-psi * theta) * psi, -sigmoid(psi * theta) * theta],
    around: () => [
      [0, 0.5],
      [-0.5, 0],
    ],
  },
  wasserstein: {
    label: "Wasserstein",
    push: ([theta, psi]) => [psi, -theta],
    around: () => [
      [0, 1],
      [-1, 0],
    ],
  },
  // gamma / 2 times the squared slope of the logit, which is psi everywhere
  r1: {
    label: "−log D with R1",
    strength: "R1 strength γ",
    push: ([theta, psi], gamma) => [sigmoid(-psi * theta) * psi, -sigmoid(psi * theta) * theta - gamma * psi],
    around: (gamma) => [
      [0, 0.5],
      [-0.5, -gamma],
    ],
  },
  // lambda (|psi| - 1)²: it wants a slope of 1, also where there is nothing left to tell apart
  penalty: {
    label: "WGAN-GP",
    strength: "Strength λ of the penalty",
    push: ([theta, psi], lambda) => [psi, -theta - 2 * lambda * (Math.abs(psi) - 1) * (psi < 0 ? -1 : 1)],
    around: () => null,
  },
  // the logit is s x psi / |psi|: the weight's size is divided out, and with it its derivative
  spectral: {
    label: "spectral norm",
    strength: "Slope s of the logit",
    push: ([theta, psi], slope) => {
      const normalised = slope * (psi < 0 ? -1 : 1);
      return [sigmoid(-normalised * theta) * normalised, 0];
    },
    around: () => null,
  },
};

// The way of `steps` steps of size `rate`. Alternating: the generator's step sees the discriminator just moved.
export function path(start, { game, strength, rate, alternating }, steps) {
  const { push } = GAMES[game];
  const points = [start];
  for (let step = 0; step < steps; step++) {
    const [theta, psi] = points[step];
    const next = psi + rate * push([theta, psi], strength)[1];
    points.push([theta + rate * push([theta, alternating ? next : psi], strength)[0], next]);
  }
  return points;
}

// The two eigenvalues [real, imaginary] of a matrix given by rows, that with the larger real part first.
export function eigenvalues([[a, b], [c, d]]) {
  const [middle, square] = [(a + d) / 2, ((a - d) / 2) ** 2 + b * c];
  const root = Math.sqrt(Math.abs(square));
  return square < 0
    ? [
        [middle, root],
        [middle, -root],
      ]
    : [
        [middle + root, 0],
        [middle - root, 0],
      ];
}

export function mean(points) {
  return [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
}
