// Three networks under one pad: the point of the pad is a point of a plane through their latent space, and each network
// draws it. All three run here.

import { addCross } from "./pad.js";
import { begin, button, html, onceAFrame, screen, set, svg } from "./dom.js";
import { shipped } from "./data.js";
import { onPlane } from "./latent.js";
import { run, vector } from "./nets.js";
import { paint } from "./pictures.js";
import { plane, written } from "./plane.js";

const SIZE = 28;
const ZOOM = 6; // screen pixels for each pixel of an image
const BARS = { width: 168, height: 64, limit: 4 }; // the numbers of z, from -limit to limit

function bars(size) {
  const { width, height } = BARS;
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "numbers", role: "img" });
  const each = width / size;
  const columns = Array.from({ length: size }, (_, i) => svg("rect", { x: i * each + 1, width: each - 2 }));
  drawing.append(svg("line", { x1: 0, x2: width, y1: height / 2, y2: height / 2 }), ...columns);
  const show = (z) => {
    columns.forEach((column, i) => {
      const length = (Math.min(Math.abs(z[i]), BARS.limit) / BARS.limit) * (height / 2);
      set(column, { y: z[i] > 0 ? height / 2 - length : height / 2, height: length });
    });
    set(drawing, { "aria-label": `the ${size} numbers: ${written(Array.from(z), 1)}` });
  };
  return { drawing, show };
}

async function render({ model, el }) {
  const data = await shipped(model, el);
  const root = begin(el, "three-models");
  const area = plane({ ...data, label: "A pad: drag to choose the point that all three networks draw" });
  const numbers = bars(data.planes.shape[2]);
  const pictures = data.networks.map(({ name, color, layers }) => {
    const canvas = screen(SIZE, SIZE, ZOOM);
    const caption = html("figcaption", { class: "model", style: `border-color: var(--${color})` }, name);
    return { name, layers, canvas, element: html("figure", {}, canvas, caption) };
  });
  const number = html("output");
  let state = model.get("value");
  const draw = () => {
    const z = onPlane(data.planes, state.plane, state.point);
    const sums = pictures.map(({ name, layers, canvas }) => {
      const image = run(layers, vector(z));
      paint(canvas, image);
      set(canvas, { "aria-label": `what the ${name} draws at ${written(state.point)}` });
      return image.values.reduce((sum, value) => sum + value, 0);
    });
    cross.show(state.point);
    numbers.show(z);
    number.textContent = `plane ${state.plane + 1} of ${data.planes.shape[0]}`;
    Object.assign(root.dataset, {
      plane: state.plane,
      point: written(state.point, 4),
      z: written(Array.from(z), 4),
      sums: written(sums, 4),
    });
  };
  const update = onceAFrame(draw);
  const tell = onceAFrame(() => model.save_changes());
  const change = (changes) => {
    state = { ...state, ...changes };
    update();
    model.set("value", state);
    tell();
  };
  model.on("change:value", () => {
    if (JSON.stringify(model.get("value")) === JSON.stringify(state)) return;
    state = model.get("value");
    update();
  });
  const start = { plane: data.plane, point: data.start };
  const cross = addCross(area, { start: state.point, names: data.names, changed: (point) => change({ point }) });
  const another = button("Another plane", () => change({ plane: (state.plane + 1) % data.planes.shape[0] }));
  const reset = button("Reset", () => change(start));
  const help = "Drag over the square. All three networks draw the same point.";
  root.append(html("p", { class: "help" }, help), html("div", { class: "row pictures" }, ...pictures.map((p) => p.element)));
  const side = html("div", { class: "side" }, ...cross.sliders);
  side.append(html("div", { class: "buttons" }, another, reset), number);
  side.append(html("figure", {}, numbers.drawing, html("figcaption", {}, "the numbers of the point")));
  root.append(html("div", { class: "row" }, area.element, side));
  draw();
}

export default { render };
