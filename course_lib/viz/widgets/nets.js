// The layers of the course's convolutional networks as pure functions, one image at a time.
//
// A tensor is {values: Float32Array, shape}: [n] for a vector, [channels, height, width] for an image. Weights lie as
// in PyTorch; batch normalisation comes folded into the layer before it (course_lib/viz/widgets/layers.py).

export function linear(x, { weight, bias }) {
  const [outputs, inputs] = weight.shape;
  const values = Float32Array.from(bias.values);
  for (let o = 0; o < outputs; o++) {
    let sum = 0;
    for (let i = 0; i < inputs; i++) sum += weight.values[o * inputs + i] * x.values[i];
    values[o] += sum;
  }
  return { values, shape: [outputs] };
}

// Convolution sums the large image into the small one, transposed convolution spreads the small one over the large:
// the same pairs of pixels, the same layout of the weight, [small channels, large channels, height, width].
function slide({ weight, stride, padding }, small, large, spread) {
  const [smallChannels, largeChannels, kernelHeight, kernelWidth] = weight.shape;
  const [, smallHeight, smallWidth] = small.shape;
  const [, largeHeight, largeWidth] = large.shape;
  let index = 0;
  for (let s = 0; s < smallChannels; s++)
    for (let l = 0; l < largeChannels; l++)
      for (let ky = 0; ky < kernelHeight; ky++)
        for (let kx = 0; kx < kernelWidth; kx++) {
          const w = weight.values[index++];
          for (let y = 0; y < smallHeight; y++) {
            const row = y * stride - padding + ky;
            if (row < 0 || row >= largeHeight) continue;
            for (let x = 0; x < smallWidth; x++) {
              const column = x * stride - padding + kx;
              if (column < 0 || column >= largeWidth) continue;
              const i = (s * smallHeight + y) * smallWidth + x;
              const j = (l * largeHeight + row) * largeWidth + column;
              if (spread) large.values[j] += w * small.values[i];
              else small.values[i] += w * large.values[j];
            }
          }
        }
}

function image(channels, height, width, bias) {
  const values = new Float32Array(channels * height * width);
  for (let c = 0; c < channels; c++) values.fill(bias.values[c], c * height * width, (c + 1) * height * width);
  return { values, shape: [channels, height, width] };
}

export function conv2d(x, layer) {
  const { weight, bias, stride, padding } = layer;
  const [height, width] = [1, 2].map((i) => Math.floor((x.shape[i] + 2 * padding - weight.shape[i + 1]) / stride) + 1);
  const result = image(weight.shape[0], height, width, bias);
  slide(layer, result, x, false);
  return result;
}

export function convTranspose2d(x, layer) {
  const { weight, bias, stride, padding } = layer;
  const [height, width] = [1, 2].map((i) => (x.shape[i] - 1) * stride - 2 * padding + weight.shape[i + 1]);
  const result = image(weight.shape[1], height, width, bias);
  slide(layer, x, result, true);
  return result;
}

export function relu({ values, shape }) {
  return { values: values.map((v) => Math.max(v, 0)), shape };
}

export function sigmoid({ values, shape }) {
  return { values: values.map((v) => 1 / (1 + Math.exp(-v))), shape };
}

export function reshape({ values }, { shape }) {
  return { values, shape };
}

const KINDS = { linear, conv2d, convTranspose2d, relu, sigmoid, reshape };

// The image or vector x through a list of layers {kind, ...}.
export function run(layers, x) {
  return layers.reduce((tensor, layer) => KINDS[layer.kind](tensor, layer), x);
}

export function vector(numbers) {
  return { values: Float32Array.from(numbers), shape: [numbers.length] };
}

export function squaredError(a, b) {
  return a.values.reduce((sum, value, i) => sum + (value - b.values[i]) ** 2, 0);
}
