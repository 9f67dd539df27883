// The glyphs of the course's data set, drawn from their factors as course_lib/data/glyphs.py draws them.

// A master {values, shape: [height, width]} of grey levels 0 to 255, `left` and `top` pixels inside a square of `size`
// that is black elsewhere, warped into an image of `side` pixels; a glyph is sheared, scaled, rotated and shifted.
// `rotation` in degrees counter-clockwise, shifts in pixels of the image, `pixel` master pixels to one of the image.
export function warp(master, { left, top, size, side, pixel }, { rotation, scale, shear, shift_x, shift_y }) {
  const [height, width] = master.shape;
  const level = (x, y) =>
    x < left || y < top || x >= left + width || y >= top + height ? 0 : master.values[(y - top) * width + x - left];
  const angle = (rotation * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle) / scale, Math.sin(angle) / scale];
  const values = new Float32Array(side * side);
  // each pixel is the mean of four places within it; for each, the place in the master that it comes from
  for (let row = 0; row < 2 * side; row++)
    for (let column = 0; column < 2 * side; column++) {
      const [x, y] = [(column + 0.5) / 2 - side / 2 - shift_x, (row + 0.5) / 2 - side / 2 - shift_y];
      const down = sin * x + cos * y;
      const right = cos * x - sin * y + shear * down;
      const [sx, sy] = [right * pixel + (size - 1) / 2, down * pixel + (size - 1) / 2];
      const [x0, y0] = [Math.floor(sx), Math.floor(sy)];
      const [fx, fy] = [sx - x0, sy - y0];
      const grey =
        (1 - fy) * ((1 - fx) * level(x0, y0) + fx * level(x0 + 1, y0)) +
        fy * ((1 - fx) * level(x0, y0 + 1) + fx * level(x0 + 1, y0 + 1));
      values[(row >> 1) * side + (column >> 1)] += grey / (4 * 255);
    }
  return { values, shape: [1, side, side] };
}

// How many pixels of two images differ by more than `least`.
export function changed(a, b, least = 0.05) {
  return a.values.reduce((count, value, i) => count + (Math.abs(value - b.values[i]) > least), 0);
}

// The face of `family` that is bold and slanted as asked, or the nearest that there is: its number.
export function faceOf(faces, { family, bold, slanted }) {
  const misses = (face) => 2 * (face.slanted !== slanted) + (face.bold !== bold);
  const those = faces.map((face, number) => ({ ...face, number })).filter((face) => face.family === family);
  return those.reduce((best, face) => (misses(face) < misses(best) ? face : best)).number;
}
