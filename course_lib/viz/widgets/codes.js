// Codes of two numbers and a point among them, as pure functions. Codes lie one after the other: [x0, y0, x1, y1, ...].

// The least distance from `point` to a code, where each axis is measured in its own unit.
export function toNearest(codes, point, units) {
  let least = Infinity;
  for (let i = 0; i < codes.length; i += 2) {
    const [dx, dy] = [(codes[i] - point[0]) / units[0], (codes[i + 1] - point[1]) / units[1]];
    least = Math.min(least, dx * dx + dy * dy);
  }
  return Math.sqrt(least);
}

// How many clouds hold `point` within `radius` of their standard deviations.
export function covering(mu, sigma, point, radius) {
  let count = 0;
  for (let i = 0; i < mu.length; i += 2) {
    const [dx, dy] = [(point[0] - mu[i]) / sigma[i], (point[1] - mu[i + 1]) / sigma[i + 1]];
    if (dx * dx + dy * dy <= radius * radius) count += 1;
  }
  return count;
}
