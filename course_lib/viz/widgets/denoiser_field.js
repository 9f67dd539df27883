// A noisy point in the plane, the curve that it may come from, and what the best denoiser answers: the arrow, the field
// of all arrows, and the way of a point that is denoised again and again while the noise falls.

import { arrowKeys, begin, button, draggable, html, onceAFrame, range, set, svg } from "./dom.js";
import { shipped } from "./data.js";
import { plane, written } from "./plane.js";
import * as denoising from "./denoising.js";

const SIDE = 13; // arrows of the field, to a side

async function render({ model, el }) {
  const data = await shipped(model, el);
  const root = begin(el, "denoiser-field");
  const area = plane({ ...data, label: "A curve of clean points, a noisy point, and the denoiser's arrow" });
  const { centers } = data;
  const atStart = () => ({ point: [...data.start], sigma: data.sigma, path: false });
  let state = { ...atStart(), point: model.get("value") ?? [...data.start] };

  const line = (name) => svg("line", { class: name });
  const field = Array.from({ length: SIDE * SIDE }, () => svg("path", { class: "field" }));
  const dots = centers.map(() => svg("circle", { class: "clean", r: 3 }));
  const walk = svg("path", { class: "walk" });
  const arrow = line("arrow");
  const answer = svg("path", { class: "answer", d: "M -8 0 L 0 -8 L 8 0 L 0 8 Z" });
  const noisy = svg("circle", { class: "noisy", r: 9, tabindex: 0, role: "application" });
  set(noisy, { "aria-label": "The noisy point: arrow keys move it" });
  area.content.append(...field, ...dots, walk, arrow, answer, noisy);
  centers.forEach((center, i) => {
    const [cx, cy] = area.toScreen(center);
    set(dots[i], { cx, cy });
  });
  const grid = field.map((_, i) => {
    const at = (k, [low, high]) => low + ((k + 0.5) / SIDE) * (high - low);
    return [at(i % SIDE, data.x), at(Math.floor(i / SIDE), data.y)];
  });

  const tell = onceAFrame(() => model.save_changes());
  const change = (changes) => {
    state = { ...state, ...changes };
    update();
    if (!changes.point) return;
    model.set("value", state.point);
    tell();
  };
  const moveTo = (point) => change({ point: area.inside(point) });
  draggable(noisy, (event) => moveTo(area.fromEvent(event)));
  draggable(area.drawing, (event) => moveTo(area.fromEvent(event)));
  arrowKeys(noisy, (right, up) => moveTo([state.point[0] + 0.03 * right, state.point[1] + 0.03 * up]));
  const sliders = data.names.map((name, i) =>
    range(`Noisy point, ${name}`, { min: data.x[0], max: data.x[1], step: 0.01 }, (value) =>
      moveTo(i ? [state.point[0], value] : [value, state.point[1]]),
    ),
  );
  const [least, most] = data.sigmas;
  const noise = range("Noise σ", { min: least, max: most, step: 0.01 }, (sigma) => change({ sigma }));
  const again = html("input", { type: "checkbox", onchange: () => change({ path: again.checked }) });
  const numbers = {};
  const row = (name, text, swatch = "") => {
    numbers[name] = html("td");
    return html("tr", {}, html("th", { scope: "row", class: swatch }, text), numbers[name]);
  };
  const table = html(
    "table",
    {},
    row("before", "noisy point to the curve", "key-noisy"),
    row("after", "its answer to the curve", "key-answer"),
    row("length", "length of the arrow", "key-arrow"),
    row("score", "arrow / σ²"),
    row("steepness", "slope of log p(noisy)"),
  );
  const side = html(
    "div",
    { class: "side" },
    table,
    noise.element,
    ...sliders.map(({ element }) => element),
    html("label", { class: "check" }, again, "Denoise again and again"),
    button("Reset", () => change(atStart())),
  );
  const help =
    "Drag the noisy point, and change the noise. The larger a dot, the likelier the noisy point comes from there; the " +
    "diamond is the mean of all these.";
  root.append(html("p", { class: "help" }, help), html("div", { class: "row" }, area.element, side));

  const shaft = (from, to) => {
    const [[x1, y1], [x2, y2]] = [area.toScreen(from), area.toScreen(to)];
    const angle = Math.atan2(y2 - y1, x2 - x1);
    const head = Math.min(6, 0.5 * Math.hypot(x2 - x1, y2 - y1));
    const wing = (turn) => `L ${x2 - head * Math.cos(angle + turn)} ${y2 - head * Math.sin(angle + turn)}`;
    return `M ${x1} ${y1} L ${x2} ${y2} ${wing(0.5)} M ${x2} ${y2} ${wing(-0.5)}`;
  };
  let drawnFor = null;
  const draw = () => {
    const { point, sigma } = state;
    if (drawnFor !== sigma) {
      drawnFor = sigma;
      const reach = 0.8 * ((data.x[1] - data.x[0]) / SIDE);
      grid.forEach((from, i) => {
        const [x, y] = denoising.denoised(from, data, sigma);
        const [dx, dy] = [x - from[0], y - from[1]];
        const scale = Math.min(1, reach / Math.hypot(dx, dy));
        set(field[i], { d: shaft(from, [from[0] + scale * dx, from[1] + scale * dy]) });
      });
    }
    const shares = denoising.shares(point, data, sigma);
    const top = Math.max(...shares);
    shares.forEach((share, i) => set(dots[i], { r: 2 + 6 * Math.sqrt(share / top) * (share > 1e-3 ? 1 : 0) }));
    const to = denoising.denoised(point, data, sigma);
    const [[x1, y1], [x2, y2]] = [area.toScreen(point), area.toScreen(to)];
    set(noisy, { cx: x1, cy: y1 });
    set(answer, { transform: `translate(${x2} ${y2})` });
    set(arrow, { x1, y1, x2, y2 });
    const steps = denoising.path(point, data, sigma);
    const walked = steps.map((step, i) => `${i ? "L" : "M"} ${area.toScreen(step).join(" ")}`).join(" ");
    set(walk, { d: state.path ? walked : "" });
    const length = Math.hypot(to[0] - point[0], to[1] - point[1]);
    const found = {
      before: denoising.distanceTo(point, centers),
      after: denoising.distanceTo(to, centers),
      length,
      score: length / sigma ** 2,
      steepness: Math.hypot(...denoising.score(point, data, sigma)),
    };
    for (const [name, value] of Object.entries(found)) numbers[name].textContent = value.toFixed(2);
    noise.show(sigma);
    sliders.forEach((slider, i) => slider.show(point[i]));
    again.checked = state.path;
    for (const [name, value] of Object.entries(found)) root.dataset[name] = value.toFixed(4);
    Object.assign(root.dataset, {
      point: written(point, 4),
      answer: written(to, 4),
      sigma: sigma.toFixed(4),
      end: denoising.distanceTo(steps.at(-1), centers).toFixed(4),
      path: state.path ? "shown" : "hidden",
    });
  };
  const update = onceAFrame(draw);
  model.on("change:value", () => {
    const value = model.get("value");
    if (value.some((number, i) => number !== state.point[i])) change({ point: value });
  });
  draw();
}

export default { render };
