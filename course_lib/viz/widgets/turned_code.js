// A code of two numbers that holds two factors, turned by hand: what the turn does to the mutual information gap, and what
// to the two terms of the loss.

import { arrowKeys, begin, button, draggable, html, onceAFrame, range, set, svg } from "./dom.js";
import { shipped } from "./data.js";
import { plane } from "./plane.js";
import { turned, turnedCode } from "./turning.js";

const REACH = 2.3; // of the handle from the middle
const DRAWN = 400; // of the draws

async function render({ model, el }) {
  const data = await shipped(model, el);
  const root = begin(el, "turned-code");
  const { values, bins, narrow, start } = data;
  const pairs = ({ values: flat }) => Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
  const [factors, noise] = [pairs(data.factors), pairs(data.noise)];
  const area = plane({ x: data.x, y: data.y, names: ["z₁", "z₂"], label: "Draws of a code of two numbers, coloured by shift x" });
  let state = model.get("value");

  const dots = factors.slice(0, DRAWN).map(([x]) => {
    const share = Math.round((100 * x) / (values - 1));
    return svg("circle", { r: 3, style: `fill: color-mix(in oklab, var(--orange) ${share}%, var(--blue))` });
  });
  const axis = svg("line", { class: "axis" });
  const cloud = svg("ellipse", { class: "q" });
  const truth = svg("ellipse", { class: "posterior" });
  const grip = svg("circle", { r: 9, class: "grip", tabindex: 0, role: "application" });
  set(grip, { "aria-label": "The direction of shift x: arrow keys turn it" });
  area.content.append(...dots, truth, cloud, axis, grip);

  const change = (changes) => {
    state = { ...state, ...changes };
    state.angle = Math.min(Math.max(state.angle, 0), 90);
    update();
    model.set("value", state);
    tell();
  };
  const tell = onceAFrame(() => model.save_changes());
  draggable(grip, (event) => {
    const [x, y] = area.fromEvent(event);
    change({ angle: Math.round((Math.atan2(y, x) * 180) / Math.PI) });
  });
  arrowKeys(grip, (right, up) => change({ angle: state.angle + up - right }));
  const sliders = [
    range("Turned by", { min: 0, max: 90, step: 1, format: (v) => `${v.toFixed(0)}°` }, (angle) => change({ angle })),
    range("Widths, y / x", { min: 1, max: 4, step: 0.1 }, (ratio) => change({ ratio })),
  ];
  const cells = Object.fromEntries(
    ["x1", "x2", "y1", "y2", "mig", "rate", "lost"].map((name) => [name, html("td", {})]),
  );
  const line = (head, ...cellsOf) => html("tr", {}, html("th", {}, head), ...cellsOf);
  const told = html(
    "table",
    {},
    line("nats about", html("th", {}, "z₁"), html("th", {}, "z₂")),
    line("shift x", cells.x1, cells.x2),
    line("shift y", cells.y1, cells.y2),
  );
  const sums = html("table", {}, line("MIG", cells.mig), line("rate, nats", cells.rate), line("ELBO lost, nats", cells.lost));

  const draw = () => {
    const along = [narrow, narrow * state.ratio];
    const found = turnedCode({ factors, noise, values, along, angle: state.angle, bins });
    dots.forEach((dot, i) => {
      const [cx, cy] = area.toScreen([found.codes[0][i], found.codes[1][i]]);
      set(dot, { cx, cy });
    });
    const [ox, oy] = area.toScreen([0, 0]);
    const [gx, gy] = area.toScreen(turned([REACH, 0], state.angle));
    set(axis, { x1: ox, y1: oy, x2: gx, y2: gy });
    set(grip, { cx: gx, cy: gy });
    const scale = area.toScreen([1, 0])[0] - ox;
    set(cloud, { cx: ox, cy: oy, rx: 2 * scale * found.widths[0], ry: 2 * scale * found.widths[1] });
    const turn = `rotate(${-state.angle} ${ox} ${oy})`;
    set(truth, { cx: ox, cy: oy, rx: 2 * scale * along[0], ry: 2 * scale * along[1], transform: turn });
    const [[x1, x2], [y1, y2]] = found.information;
    const shown = { x1, x2, y1, y2, mig: found.mig, rate: found.rate, lost: found.lost };
    for (const [name, value] of Object.entries(shown)) {
      cells[name].textContent = value.toFixed(2);
      root.dataset[name] = value.toFixed(4);
    }
    sliders[0].show(state.angle);
    sliders[1].show(state.ratio);
    Object.assign(root.dataset, { angle: state.angle, ratio: state.ratio.toFixed(2) });
  };
  const update = onceAFrame(draw);
  model.on("change:value", () => {
    if (JSON.stringify(model.get("value")) === JSON.stringify(state)) return;
    state = model.get("value");
    update();
  });
  const help =
    "Each dot is a draw of an image's code; its colour is shift x. Turn the code by the handle, or by the slider. " +
    "Solid: the best q with independent numbers; dashed: the posterior that it stands for, to two widths.";
  const reset = button("Reset", () => change(start));
  const side = html("div", { class: "side" }, ...sliders.map(({ element }) => element), told, sums, reset);
  root.append(html("p", { class: "help" }, help), html("div", { class: "row" }, area.element, side));
  draw();
}

export default { render };
