// Two clouds of the plane, and six rulers that say whether the orange one could be fresh points of the blue one's density.

import { addCross } from "./pad.js";
import { begin, button, html, onceAFrame, range, set, svg } from "./dom.js";
import { shipped } from "./data.js";
import * as rulers from "./rulers.js";
import { plane, written } from "./plane.js";

const NAMES = {
  frechet: ["Fréchet", "least"],
  kernel: ["kernel (KID)", "least"],
  precision: ["precision", "most"],
  recall: ["recall", "most"],
  coverage: ["coverage", "most"],
  copies: ["copies", "least"],
};
const VIEWS = {
  ellipses: "mean and covariance (Fréchet)",
  real: "balls of real points (precision)",
  fake: "balls of generated points (recall)",
};

async function render({ model, el }) {
  const data = await shipped(model, el);
  const root = begin(el, "fooled-rulers");
  const area = plane({ ...data, height: 340, label: "The plane with real points and those that a model hands in" });
  const fresh = () => ({ ...data.start, shift: [...data.start.shift] });
  let [state, number, view] = [{ ...fresh(), ...(model.get("value") ?? {}) }, 0, "ellipses"];

  const shapes = { real: svg("path", { class: "balls real" }), fake: svg("path", { class: "balls fake" }) };
  const ovals = { real: svg("ellipse", { class: "oval real" }), fake: svg("ellipse", { class: "oval fake" }) };
  const dots = { real: svg("path", { class: "dots real" }), fake: svg("path", { class: "dots fake" }) };
  area.content.append(...Object.values(shapes), dots.real, dots.fake, ...Object.values(ovals));
  const tell = onceAFrame(() => model.save_changes());
  const change = (changes) => {
    state = { ...state, ...changes };
    update();
    model.set("value", state);
    tell();
  };
  const cross = addCross(area, {
    start: state.shift,
    names: ["Shift x₁", "Shift x₂"],
    changed: (shift) => change({ shift: shift.map((value) => Number(value.toFixed(3))) }),
  });
  set(cross.reset, {
    onclick: () => {
      [number, view] = [0, "ellipses"];
      change(fresh());
    },
  });

  const sliders = Object.fromEntries(
    [
      ["dropped", "Heaps left out", { min: 0, max: 2, step: 1, format: String }],
      ["blur", "Blur: noise added", { min: 0, max: 1, step: 0.05 }],
      ["copies", "Copies of training points, %", { min: 0, max: 100, step: 5, format: String }],
      ["outliers", "Points far out", { min: 0, max: 4, step: 1, format: String }],
    ].map(([name, label, limits]) => [name, range(label, limits, (value) => change({ [name]: value }))]),
  );
  const gaussian = html("input", { type: "checkbox", onchange: () => change({ gaussian: gaussian.checked }) });
  const shown = html("select", { "aria-label": "What is drawn around the points", onchange: () => ((view = shown.value), update()) });
  for (const [value, text] of Object.entries(VIEWS)) shown.append(html("option", { value }, text));
  const cells = {};
  const bounds = (name) => `${NAMES[name][1] === "least" ? "<" : ">"} ${data.limits[name].toFixed(2)}`;
  const rows = Object.entries(NAMES).map(([name, [text]]) => {
    cells[name] = [html("td"), html("td", { class: "verdict" })];
    return html("tr", {}, html("th", { scope: "row" }, text), cells[name][0], html("td", { class: "bound" }, bounds(name)), cells[name][1]);
  });
  const head = html("tr", {}, ...["ruler", "now", "fresh", ""].map((text) => html("th", { scope: "col" }, text)));
  const table = html("table", {}, head, ...rows);
  const count = html("p", { class: "note", role: "status" });
  const presets = Object.entries(data.presets).map(([name, changes]) => button(name, () => change({ ...fresh(), ...changes })));
  const another = button("Other draw", () => {
    number = (number + 1) % data.noises.length;
    update();
  });
  const side = html("div", { class: "side" }, table, count, html("div", { class: "buttons" }, another, cross.reset));
  const key = html(
    "p",
    { class: "key" },
    html("span", { class: "real" }, "● real"),
    html("span", { class: "fake" }, "● handed in"),
    html("label", {}, "around them: ", shown),
  );
  const more = html("div", { class: "grid" }, ...Object.values(sliders).map(({ element }) => element), ...cross.sliders);
  const help = "Drag the cross to shift what the model hands in, or try a cheat. Which rulers notice?";
  root.append(
    html("p", { class: "help" }, help),
    html("div", { class: "buttons" }, ...presets),
    html("div", { class: "row" }, area.element, side),
    key,
    html("label", { class: "check" }, gaussian, "one Gaussian with the data's mean and covariance"),
    more,
  );

  const unit = area.toScreen([1, 0])[0] - area.toScreen([0, 0])[0];
  const dotted = (points) => points.map((p) => `M ${area.toScreen(p).map((v) => v.toFixed(1)).join(" ")} h 0`).join(" ");
  const round = (points, reach) =>
    points
      .map((p, i) => {
        const [[x, y], r] = [area.toScreen(p), reach[i] * unit];
        return `M ${(x - r).toFixed(1)} ${y.toFixed(1)} a ${r} ${r} 0 1 0 ${2 * r} 0 a ${r} ${r} 0 1 0 ${-2 * r} 0`;
      })
      .join(" ");
  const oval = (element, points) => {
    const { at, axes, angle } = rulers.ellipse(points);
    const [cx, cy] = area.toScreen(at);
    const degrees = (-angle * 180) / Math.PI;
    set(element, { cx, cy, rx: axes[0] * unit, ry: axes[1] * unit, transform: `rotate(${degrees} ${cx} ${cy})` });
  };
  set(dots.real, { d: dotted(data.clouds.real) });
  oval(ovals.real, data.clouds.real);
  set(shapes.real, { d: round(data.clouds.real, rulers.radii(data.clouds.real, 3)) });

  const draw = () => {
    const points = rulers.handedIn(state, data.given, data.noises[number]);
    const found = rulers.measure(points, data.clouds);
    set(dots.fake, { d: dotted(points) });
    oval(ovals.fake, points);
    if (view === "fake") set(shapes.fake, { d: round(points, rulers.radii(points, 3)) });
    for (const name of ["real", "fake"]) {
      shapes[name].style.display = view === name ? "" : "none";
      ovals[name].style.display = view === "ellipses" ? "" : "none";
    }
    const noticed = Object.keys(NAMES).filter((name) =>
      NAMES[name][1] === "least" ? found[name] > data.limits[name] : found[name] < data.limits[name],
    );
    for (const name of Object.keys(NAMES)) {
      const sees = noticed.includes(name);
      cells[name][0].textContent = found[name].toFixed(2).replace("-", "−");
      cells[name][1].textContent = sees ? "sees it" : "at floor";
      set(cells[name][1], { class: sees ? "verdict sees" : "verdict" });
    }
    count.textContent = `${noticed.length} of ${Object.keys(NAMES).length} rulers tell it from fresh points.`;
    for (const [name, slider] of Object.entries(sliders)) slider.show(state[name]);
    [gaussian.checked, shown.value] = [state.gaussian, view];
    cross.show(state.shift);
    for (const name of ["dropped", "blur", "outliers", "gaussian"]) root.dataset[name] = state[name];
    root.dataset.copied = state.copies;
    for (const name of Object.keys(NAMES)) root.dataset[name] = found[name].toFixed(4);
    Object.assign(root.dataset, { shift: written(state.shift, 3), draw: number, view, noticed: noticed.join(" ") });
  };
  const update = onceAFrame(draw);
  model.on("change:value", () => {
    const value = model.get("value");
    if (JSON.stringify(value) === JSON.stringify(state)) return;
    state = { ...fresh(), ...value };
    update();
  });
  draw();
}

export default { render };
