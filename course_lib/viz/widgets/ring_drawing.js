// What the game on the ring draws: on its canvas, in the colours of the figures: the discriminator's view, points, pushes,
// and the generator as a grid that it warps.

import { svg, set } from "./dom.js";

const CELLS = 38; // of the field, to a side
const LINES = { most: 2.4, count: 13, parts: 48 }; // of the grid of noise

// A pen for a canvas that lies behind the plane `area`: its context with 1 unit for a screen pixel, and the theme's colours.
export function paints(canvas, area) {
  const context = canvas.getContext("2d");
  const [left, top] = area.toScreen([area.x[0], area.y[1]]);
  const [right, bottom] = area.toScreen([area.x[1], area.y[0]]);
  const [width, height] = [right - left, bottom - top];
  const small = Object.assign(document.createElement("canvas"), { width: CELLS, height: CELLS });
  const colors = {};
  const begin = () => {
    const style = getComputedStyle(canvas);
    // the canvas's colour is the paper, its outline the ink: resolved, whatever the theme says them in
    [colors.paper, colors.ink] = [style.color, style.outlineColor];
    for (const name of ["blue", "vermilion", "purple"]) colors[name] = style.getPropertyValue(`--${name}`).trim();
    context.setTransform(canvas.width / width, 0, 0, canvas.height / height, 0, 0);
    context.globalAlpha = 1;
    context.fillStyle = colors.paper;
    context.fillRect(0, 0, width, height);
  };
  const at = (x, y) => {
    const [px, py] = area.toScreen([x, y]);
    return [px - left, py - top];
  };
  return { area, context, colors, begin, at, small, width, height, unit: width / (area.x[1] - area.x[0]) };
}

const known = new Map(); // reading a pixel back takes longer than all of a frame's drawing

function channels(color) {
  if (!known.has(color)) {
    const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    known.set(color, context.getImageData(0, 0, 1, 1).data);
  }
  return known.get(color);
}

// Vermilion (generated) over paper (can't tell) to blue (real), by the probability at the middle of each cell.
export function fieldOn(pen, judge) {
  const { x, y } = pen.area;
  const points = new Float64Array(2 * CELLS * CELLS);
  for (let i = 0; i < CELLS * CELLS; i++) {
    points[2 * i] = x[0] + (((i % CELLS) + 0.5) / CELLS) * (x[1] - x[0]);
    points[2 * i + 1] = y[1] - ((Math.floor(i / CELLS) + 0.5) / CELLS) * (y[1] - y[0]);
  }
  const seen = judge(points);
  const [paper, low, high] = ["paper", "vermilion", "blue"].map((name) => channels(pen.colors[name]));
  const to = pen.small.getContext("2d");
  const image = to.createImageData(CELLS, CELLS);
  for (let i = 0; i < seen.length; i++) {
    const color = seen[i] < 0.5 ? low : high;
    const share = 0.75 * Math.abs(2 * seen[i] - 1);
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = paper[c] + share * (color[c] - paper[c]);
    image.data[4 * i + 3] = 255;
  }
  to.putImageData(image, 0, 0);
  pen.context.imageSmoothingEnabled = true;
  pen.context.imageSmoothingQuality = "high";
  pen.context.drawImage(pen.small, 0, 0, pen.width, pen.height);
}

export function pointsOn({ context, colors, at }, points, kind) {
  context.beginPath();
  for (let i = 0; i < points.length; i += 2) {
    const [x, y] = at(points[i], points[i + 1]);
    if (kind === "real") {
      context.moveTo(x + 2.4, y);
      context.arc(x, y, 2.4, 0, 2 * Math.PI);
    } else {
      context.moveTo(x, y - 4.6);
      context.lineTo(x + 4, y + 2.6);
      context.lineTo(x - 4, y + 2.6);
      context.closePath();
    }
  }
  [context.strokeStyle, context.lineWidth] = [colors.paper, 1.4];
  context.stroke();
  context.fillStyle = kind === "real" ? colors.blue : colors.vermilion;
  context.fill();
}

// Each push as an arrow from its point, as long as the root of the push: so weak ones are seen, and strong ones stay short.
export function arrowsOn({ context, colors, at, unit }, points, pushes) {
  context.beginPath();
  for (let i = 0; i < points.length; i += 4) {
    const length = Math.hypot(pushes[i], pushes[i + 1]);
    const drawn = unit * Math.min(0.25 * Math.sqrt(length), 0.4);
    if (drawn < 2) continue;
    const [x, y] = at(points[i], points[i + 1]);
    const [dx, dy] = [pushes[i] / length, -pushes[i + 1] / length];
    const [ex, ey] = [x + (drawn + 6) * dx, y + (drawn + 6) * dy];
    const head = Math.min(5, drawn);
    context.moveTo(x + 4 * dx, y + 4 * dy);
    context.lineTo(ex, ey);
    context.moveTo(ex - head * dx + 0.6 * head * dy, ey - head * dy - 0.6 * head * dx);
    context.lineTo(ex, ey);
    context.lineTo(ex - head * dx - 0.6 * head * dy, ey - head * dy + 0.6 * head * dx);
  }
  [context.strokeStyle, context.lineWidth] = [colors.ink, 1.3];
  context.stroke();
}

// Straight lines of noise, as the generator bends them.
export function gridOn({ context, colors, at }, generate) {
  const { most, count, parts } = LINES;
  const z = [];
  for (const turned of [false, true])
    for (let k = 0; k < count; k++)
      for (let j = 0; j <= parts; j++) {
        const [across, along] = [-most + (2 * most * k) / (count - 1), -most + (2 * most * j) / parts];
        z.push(...(turned ? [across, along] : [along, across]));
      }
  const points = generate(Float64Array.from(z));
  context.beginPath();
  for (let i = 0; i < points.length / 2; i++) {
    const to = at(points[2 * i], points[2 * i + 1]);
    if (i % (parts + 1)) context.lineTo(...to);
    else context.moveTo(...to);
  }
  [context.strokeStyle, context.lineWidth, context.globalAlpha] = [colors.ink, 0.8, 0.45];
  context.stroke();
  context.globalAlpha = 1;
}

// A strip of how many of `all` modes were covered over turns: {element, show(history)}, history as [turn, modes] pairs.
export function modesStrip(all) {
  const [width, height] = [176, 62];
  const up = (modes) => height - 16 - (modes / all) * (height - 24);
  const element = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "strip", role: "img" });
  set(element, { "aria-label": "Modes covered, over the turns of the game" });
  for (const modes of [0, all])
    element.append(
      svg("line", { x1: 16, x2: width, y1: up(modes), y2: up(modes) }),
      svg("text", { x: 0, y: up(modes) + 4 }, String(modes)),
    );
  const line = svg("path", { class: "line" });
  const last = svg("text", { x: width, y: height - 2, "text-anchor": "end" });
  element.append(line, svg("text", { x: 16, y: height - 2 }, "modes over turns"), last);
  const show = (history) => {
    const most = Math.max(500, history.at(-1)[0]);
    const at = ([turn, modes]) => `${16 + (turn / most) * (width - 18)} ${up(modes)}`;
    set(line, { d: history.map((point, i) => `${i ? "L" : "M"} ${at(point)}`).join(" ") });
    last.textContent = most;
  };
  return { element, show };
}
