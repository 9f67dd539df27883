// Small networks that learn, as pure functions: linear layers with ReLU between them, their derivatives, the squared
// slope of R1 with its second derivative, and Adam. All in 64 bits.
//
// A network is {sizes, values, layers}: `values` holds all numbers in PyTorch's order (weight, bias, weight, ...), `layers`
// are views into it. A batch is one row after another.

export function network(sizes, values) {
  const layers = [];
  let at = 0;
  const view = (length) => values.subarray(at, (at += length));
  for (let k = 0; k + 1 < sizes.length; k++)
    layers.push({ inputs: sizes[k], outputs: sizes[k + 1], weight: view(sizes[k] * sizes[k + 1]), bias: view(sizes[k + 1]) });
  return { sizes, values, layers };
}

export function count(sizes) {
  return sizes.slice(1).reduce((sum, outputs, k) => sum + outputs * (sizes[k] + 1), 0);
}

// Numbers in [0, 1) from a seed (mulberry32), and from N(0, 1) by Box and Muller.
export function random(seed) {
  let state = Math.imul(seed + 1, 0x9e3779b9) | 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

// New weights and biases as PyTorch draws them: uniform within 1 / sqrt(inputs).
export function fresh(sizes, { uniform }) {
  const made = network(sizes, new Float64Array(count(sizes)));
  for (const { inputs, weight, bias } of made.layers)
    for (const part of [weight, bias]) part.forEach((_, i) => (part[i] = (2 * uniform() - 1) / Math.sqrt(inputs)));
  return made;
}

// Adds to `to` (rows * columns) the product of two matrices, rows * inner and inner * columns. `leftTurned`: the left one is
// stored as its transpose. Four terms at a time, which saves three quarters of the reads and writes of `to`.
function addProduct(to, [rows, inner, columns], left, right, leftTurned = false) {
  const [down, across] = leftTurned ? [1, rows] : [inner, 1];
  const whole = inner - (inner % 4);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    let l = row * down;
    let r = 0;
    for (let k = 0; k < whole; k += 4, r += 4 * columns) {
      const [a, b, c, d] = [left[l], left[l + across], left[l + 2 * across], left[l + 3 * across]];
      l += 4 * across;
      if (a === 0 && b === 0 && c === 0 && d === 0) continue;
      const [r1, r2, r3] = [r + columns, r + 2 * columns, r + 3 * columns];
      for (let j = 0; j < columns; j++)
        to[start + j] += a * right[r + j] + b * right[r1 + j] + c * right[r2 + j] + d * right[r3 + j];
    }
    for (let k = whole; k < inner; k++, l += across, r += columns)
      for (let j = 0; j < columns; j++) to[start + j] += left[l] * right[r + j];
  }
}

function turned({ weight, inputs, outputs }) {
  const made = new Float64Array(weight.length);
  for (let o = 0; o < outputs; o++) for (let i = 0; i < inputs; i++) made[i * outputs + o] = weight[o * inputs + i];
  return made;
}

// What a ReLU lets through of `slope`, where its outputs are `outs`.
function masked(slope, outs) {
  for (let i = 0; i < slope.length; i++) if (outs[i] <= 0) slope[i] = 0;
  return slope;
}

// What each layer puts out for `rows` rows of x: [x, after layer 1, ..., output].
export function forward({ layers }, x, rows) {
  const outs = [x];
  for (const layer of layers) {
    const { inputs, outputs, bias } = layer;
    const to = new Float64Array(rows * outputs);
    for (let row = 0; row < rows; row++) to.set(bias, row * outputs);
    addProduct(to, [rows, inputs, outputs], outs.at(-1), turned(layer));
    outs.push(layer === layers.at(-1) ? to : masked(to, to));
  }
  return outs;
}

// From the slope of a loss at the output to that at the input; what the parameters get is added to `gradient`, another
// network of the same sizes, if there is one.
export function backward({ layers }, outs, slope, rows, gradient) {
  let above = slope;
  for (let k = layers.length - 1; k >= 0; k--) {
    const { inputs, outputs, weight } = layers[k];
    if (gradient) {
      const mine = gradient.layers[k];
      addProduct(mine.weight, [outputs, rows, inputs], above, outs[k], true);
      for (let i = 0; i < above.length; i++) mine.bias[i % outputs] += above[i];
    }
    const below = new Float64Array(rows * inputs);
    addProduct(below, [rows, outputs, inputs], above, weight);
    above = k > 0 ? masked(below, outs[k]) : below;
  }
  return above;
}

// gamma / 2 times the mean squared slope of a network with two hidden layers and one output, at the rows whose outputs
// are `outs`. Between its kinks the slope is W1' (m1 * W2' (m2 * w3)), with masks m of the ReLUs; its own derivative with
// respect to the weights is added to `gradient`. Biases have none.
export function squaredSlope({ layers }, outs, rows, gamma, gradient) {
  const [first, second, third] = layers;
  const [n, h1, h2] = [first.inputs, first.outputs, second.outputs];
  const [on2, on1, slope, back1, back2] = [h2, h1, n, h1, h2].map((width) => new Float64Array(rows * width));
  for (let row = 0; row < rows; row++) on2.set(third.weight, row * h2);
  masked(on2, outs[2]);
  addProduct(on1, [rows, h2, h1], on2, second.weight);
  masked(on1, outs[1]);
  addProduct(slope, [rows, h1, n], on1, first.weight);
  const total = slope.reduce((sum, s) => sum + s * s, 0);
  const d = slope.map((s) => (gamma * s) / rows);
  addProduct(back1, [rows, n, h1], d, turned(first));
  masked(back1, outs[1]);
  addProduct(back2, [rows, h1, h2], back1, turned(second));
  masked(back2, outs[2]);
  addProduct(gradient.layers[0].weight, [h1, rows, n], on1, d, true);
  addProduct(gradient.layers[1].weight, [h2, rows, h1], on2, back1, true);
  for (let i = 0; i < back2.length; i++) gradient.layers[2].weight[i % h2] += back2[i];
  return ((gamma / 2) * total) / rows;
}

// One step of Adam (Kingma & Ba 2015, arXiv:1412.6980), in place; `state` starts as {step: 0, mean, square} with zeros.
export function adam(values, gradient, state, { rate, beta1, beta2 = 0.99, eps = 1e-8 }) {
  state.step += 1;
  const [one, two] = [1 - beta1 ** state.step, 1 - beta2 ** state.step];
  for (let i = 0; i < values.length; i++) {
    state.mean[i] = beta1 * state.mean[i] + (1 - beta1) * gradient[i];
    state.square[i] = beta2 * state.square[i] + (1 - beta2) * gradient[i] ** 2;
    values[i] -= (rate * (state.mean[i] / one)) / (Math.sqrt(state.square[i] / two) + eps);
  }
}
