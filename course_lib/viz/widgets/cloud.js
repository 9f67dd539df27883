// A cloud of points in the plane and a line through its mean, as pure functions. A point is [x, y], an angle is in
// radians, counter-clockwise from the x axis.

export function mean(points) {
  const sum = points.reduce(([sx, sy], [x, y]) => [sx + x, sy + y], [0, 0]);
  return sum.map((s) => s / points.length);
}

// [[xx, xy], [xy, yy]], divided by the number of points.
export function covariance(points) {
  const [mx, my] = mean(points);
  let [xx, xy, yy] = [0, 0, 0];
  for (const [x, y] of points) {
    xx += (x - mx) ** 2;
    xy += (x - mx) * (y - my);
    yy += (y - my) ** 2;
  }
  const n = points.length;
  return [
    [xx / n, xy / n],
    [xy / n, yy / n],
  ];
}

// The direction of the largest variance, from -pi/2 to pi/2.
export function principalAngle([[xx, xy], [, yy]]) {
  return 0.5 * Math.atan2(2 * xy, xx - yy);
}

// The foot of the perpendicular from a point to the line through `centre`.
export function project([x, y], [cx, cy], angle) {
  const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
  const along = (x - cx) * dx + (y - cy) * dy;
  return [cx + along * dx, cy + along * dy];
}

export function squaredDistance([ax, ay], [bx, by]) {
  return (ax - bx) ** 2 + (ay - by) ** 2;
}

// What the line through the mean loses of each point: squared distances to their projections.
export function losses(points, angle) {
  const centre = mean(points);
  return points.map((point) => squaredDistance(point, project(point, centre, angle)));
}

export function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

// The point that the linear map with columns u and v makes of [a, b].
export function combine([a, b], [ux, uy], [vx, vy]) {
  return [a * ux + b * vx, a * uy + b * vy];
}

// The points, moved as little as a few rounds of pushing need, until no two are nearer to one another than `distance`.
export function apart(points, distance, rounds = 200) {
  const moved = points.map((point) => [...point]);
  for (let round = 0; round < rounds; round++) {
    let pushed = false;
    for (let i = 0; i < moved.length; i++)
      for (let j = 0; j < i; j++) {
        const [dx, dy] = [moved[i][0] - moved[j][0], moved[i][1] - moved[j][1]];
        const gap = Math.hypot(dx, dy);
        if (gap >= distance) continue;
        pushed = true;
        // two points on one another part along a direction of their own
        const [ux, uy] = gap > 0 ? [dx / gap, dy / gap] : [Math.cos(i), Math.sin(i)];
        const half = (distance - gap) / 2 + 1e-3;
        moved[i] = [moved[i][0] + half * ux, moved[i][1] + half * uy];
        moved[j] = [moved[j][0] - half * ux, moved[j][1] - half * uy];
      }
    if (!pushed) break;
  }
  return moved;
}
