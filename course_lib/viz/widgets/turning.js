// A code of two numbers that is turned against the two factors it holds, as pure functions. Angles are in degrees.

const DEGREE = Math.PI / 180;

export function turned([x, y], angle) {
  const [cos, sin] = [Math.cos(angle * DEGREE), Math.sin(angle * DEGREE)];
  return [cos * x - sin * y, sin * x + cos * y];
}

// The posterior is a Gaussian whose widths along the two factors are `along`; turned, its axes aren't the code's. The
// best q with independent numbers has the variances 1 / P_ii, where P is the posterior's inverse covariance, and is off by
// KL(q || posterior) = (sum of log P_ii + log det of the covariance) / 2 nats. Returns {widths, lost}.
export function bestDiagonal([a, b], angle) {
  const [cos, sin] = [Math.cos(angle * DEGREE), Math.sin(angle * DEGREE)];
  const precisions = [(cos / a) ** 2 + (sin / b) ** 2, (sin / a) ** 2 + (cos / b) ** 2];
  const lost = 0.5 * Math.log(precisions[0] * precisions[1]) + Math.log(a * b);
  return { widths: precisions.map((p) => 1 / Math.sqrt(p)), lost: Math.max(0, lost) };
}

// What column `z` says of the whole numbers `v`, in nats: from the table of counts in bins of equal width, as
// course_lib.metrics.mutual_information_gap counts.
export function information(z, v, bins) {
  const low = Math.min(...z);
  const width = (Math.max(...z) - low) / bins;
  const values = Math.max(...v) + 1;
  const counts = new Float64Array(bins * values);
  z.forEach((number, i) => (counts[Math.min(Math.floor((number - low) / width), bins - 1) * values + v[i]] += 1));
  const [rows, columns] = [new Float64Array(bins), new Float64Array(values)];
  counts.forEach((count, i) => {
    rows[Math.floor(i / values)] += count;
    columns[i % values] += count;
  });
  const n = z.length;
  return counts.reduce((sum, count, i) => {
    if (!count) return sum;
    return sum + (count / n) * Math.log((count * n) / (rows[Math.floor(i / values)] * columns[i % values]));
  }, 0);
}

// Draws of a code of two numbers, one for each row of `factors` (whole numbers from 0, `values` of them, all equally
// many) and `noise`: {widths, codes: [z1s, z2s], information: [of factor 1 in z1 and z2, of factor 2], gaps, mig, rate, lost}.
export function turnedCode({ factors, noise, values, along, angle, bins }) {
  const { widths, lost } = bestDiagonal(along, angle);
  const middle = (values - 1) / 2;
  const unit = Math.sqrt((values ** 2 - 1) / 12); // of whole numbers from 0
  const codes = [[], []];
  let rate = 0;
  factors.forEach((pair, i) => {
    const mean = turned(pair.map((f) => (f - middle) / unit), angle);
    mean.forEach((mu, j) => {
      codes[j].push(mu + widths[j] * noise[i][j]);
      rate += 0.5 * (mu ** 2 + widths[j] ** 2 - 1) - Math.log(widths[j]);
    });
  });
  const told = [0, 1].map((f) => codes.map((z) => information(z, factors.map((pair) => pair[f]), bins)));
  const gaps = told.map(([a, b]) => Math.abs(a - b) / Math.log(values));
  return { widths, codes, information: told, gaps, mig: (gaps[0] + gaps[1]) / 2, rate: rate / factors.length, lost };
}
