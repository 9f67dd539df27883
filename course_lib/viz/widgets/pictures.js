// Grey images {values, shape: [1, height, width]} that a hand moves, turns and draws on: pure functions, and one that
// paints.

export function blank(height, width) {
  return { values: new Float32Array(height * width), shape: [1, height, width] };
}

// Turned by `degrees` counter-clockwise about the middle, then shifted right and down by whole or broken pixels;
// between pixels by bilinear interpolation, zero outside.
export function moved({ values, shape }, right, down, degrees = 0) {
  const [, height, width] = shape;
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2];
  const at = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? 0 : values[y * width + x]);
  const result = blank(height, width);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [px, py] = [x - right - middleX, y - down - middleY];
      const [sx, sy] = [middleX + cos * px - sin * py, middleY + sin * px + cos * py];
      const [left, top] = [Math.floor(sx), Math.floor(sy)];
      const [fx, fy] = [sx - left, sy - top];
      result.values[y * width + x] =
        (1 - fy) * ((1 - fx) * at(left, top) + fx * at(left + 1, top)) +
        fy * ((1 - fx) * at(left, top + 1) + fx * at(left + 1, top + 1));
    }
  return result;
}

// A soft round brush at (x, y), in pixels from the upper left corner.
export function stamped({ values, shape }, x, y, radius = 1.3) {
  const [, height, width] = shape;
  const result = Float32Array.from(values);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const ink = radius + 0.5 - Math.hypot(column + 0.5 - x, row + 0.5 - y);
      const i = row * width + column;
      result[i] = Math.max(result[i], Math.min(Math.max(ink, 0), 1));
    }
  return { values: result, shape };
}

// Grey levels from 0 (black) to 1 (white), one canvas pixel for each.
export function paint(canvas, { values, shape }) {
  const [, height, width] = shape;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  values.forEach((value, i) => {
    const grey = Math.round(255 * Math.min(Math.max(value, 0), 1));
    pixels.data.set([grey, grey, grey, 255], 4 * i);
  });
  context.putImageData(pixels, 0, 0);
}
