// A square of the plane with its axes, as SVG: coordinates there and back, and a group to draw into.

import { html, svg } from "./dom.js";

const MARGIN = { left: 38, right: 8, top: 8, bottom: 36 };
export const SIDE = 420; // of the drawing with its margins, in its own units: screen pixels unless room is short

function ticks([low, high]) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high + 1e-9; i++) found.push(i * step);
  return found.map((value) => [value, Number(value.toPrecision(6)).toString().replace("-", "−")]);
}

// `x`, `y`: [low, high]; `names`: of the axes; `label`: what the drawing is, for those who can't see it; `height`: of the
// drawing where it is no square.
export function plane({ x, y, names, label, height = SIDE }) {
  const [left, right] = [MARGIN.left, SIDE - MARGIN.right];
  const [top, bottom] = [MARGIN.top, height - MARGIN.bottom];
  const toScreen = ([px, py]) => [
    left + ((px - x[0]) / (x[1] - x[0])) * (right - left),
    bottom - ((py - y[0]) / (y[1] - y[0])) * (bottom - top),
  ];
  const inside = ([px, py]) => [Math.min(Math.max(px, x[0]), x[1]), Math.min(Math.max(py, y[0]), y[1])];
  const drawing = svg("svg", { viewBox: `0 0 ${SIDE} ${height}`, class: "plane", role: "img", "aria-label": label });
  const axes = svg("g", { class: "axes" });
  axes.append(svg("rect", { x: left, y: top, width: right - left, height: bottom - top, class: "frame" }));
  for (const [value, text] of ticks(x)) {
    const [at] = toScreen([value, y[0]]);
    axes.append(svg("line", { x1: at, x2: at, y1: top, y2: bottom }));
    axes.append(svg("text", { x: at, y: bottom + 15, "text-anchor": "middle" }, text));
  }
  for (const [value, text] of ticks(y)) {
    const [, at] = toScreen([x[0], value]);
    axes.append(svg("line", { x1: left, x2: right, y1: at, y2: at }));
    axes.append(svg("text", { x: left - 6, y: at + 4, "text-anchor": "end" }, text));
  }
  const middle = (top + bottom) / 2;
  axes.append(
    svg("text", { x: (left + right) / 2, y: height - 5, "text-anchor": "middle", class: "name" }, names[0]),
    svg(
      "text",
      { x: 11, y: middle, "text-anchor": "middle", class: "name", transform: `rotate(-90 11 ${middle})` },
      names[1],
    ),
  );
  // a clip by the inner drawing's own box: an id would have to differ between two widgets of one page
  const clip = { x: left, y: top, width: right - left, height: bottom - top };
  const content = svg("svg", { ...clip, viewBox: `${left} ${top} ${clip.width} ${clip.height}` });
  drawing.append(axes, content);
  const fromEvent = (event) => {
    const box = drawing.getBoundingClientRect();
    const [sx, sy] = [
      ((event.clientX - box.left) / box.width) * SIDE,
      ((event.clientY - box.top) / box.height) * height,
    ];
    return inside([
      x[0] + ((sx - left) / (right - left)) * (x[1] - x[0]),
      y[0] + ((bottom - sy) / (bottom - top)) * (y[1] - y[0]),
    ]);
  };
  const element = html("div", { class: "area" }, drawing);
  return { element, drawing, content, toScreen, fromEvent, inside, x, y };
}

export function written(point, digits = 2) {
  return point.map((value) => value.toFixed(digits)).join(", ");
}
