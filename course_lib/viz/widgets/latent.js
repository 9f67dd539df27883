// Planes through a latent space, as pure functions.

// The point of plane `number` at [x, y]: its origin plus x times its first direction plus y times its second.
// `planes`: {values, shape: [planes, 3, size]}, the three vectors of each in this order.
export function onPlane({ values, shape }, number, [x, y]) {
  const size = shape[2];
  const at = (vector, i) => values[(3 * number + vector) * size + i];
  return Float32Array.from({ length: size }, (_, i) => at(0, i) + x * at(1, i) + y * at(2, i));
}
