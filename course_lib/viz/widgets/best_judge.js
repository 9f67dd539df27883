// Real and generated density on one axis, moved by hand; below them the best judge's probability, and the push that a
// generated point gets under it from each of the generator's two losses.

import { arrowKeys, begin, button, draggable, html, onceAFrame, range, set, svg } from "./dom.js";
import { shipped } from "./data.js";
import * as judging from "./judging.js";
import { sigmoid } from "./game.js";
import { plane } from "./plane.js";

const POINTS = 380; // of a drawn curve
const QUANTILES = [-1.7, -0.85, 0, 0.85, 1.7]; // where q's points stand, in standard deviations

const signed = (value, digits = 3) => value.toFixed(digits).replace("-", "−");
const brief = (value) => (value >= 0.0005 ? value.toFixed(3) : value > 0 ? `${value.toExponential(0).replace("-", "−")}` : "0");

async function render({ model, el }) {
  const data = await shipped(model, el);
  const root = begin(el, "best-judge");
  const densities = plane({
    x: data.x,
    y: data.density,
    names: ["", ""],
    label: "The densities of real and of generated points on one axis",
    height: 190,
  });
  const judge = plane({
    x: data.x,
    y: [0, 1],
    names: ["", ""],
    label: "The probability of being real that the best judge gives each point",
    height: 136,
  });
  const rows = plane({
    x: data.x,
    y: [0, 2],
    names: ["point x", ""],
    label: "The push on generated points from each of the two losses",
    height: 172,
  });
  // two rows and no scale
  for (const text of rows.drawing.querySelectorAll(".axes text[text-anchor='end']")) text.remove();
  const names = ["Mean of p (real)", "Width of p", "Mean of q (generated)", "Width of q"];
  const start = [...data.start];
  let [state, two] = [model.get("value") ?? start, data.two];

  const curve = (name) => svg("path", { class: name });
  const [ofP, ofQ, best] = ["p", "q", "judge"].map(curve);
  const half = svg("line", { class: "half" });
  const handles = names.map((name, i) => {
    const handle = svg("circle", { r: 8, class: `grab ${i < 2 ? "p" : "q"} ${i % 2 ? "width" : "mean"}` });
    return set(handle, { tabindex: 0, role: "application", "aria-label": `${name}: arrow keys move it` });
  });
  densities.content.append(ofP, ofQ, ...[1, 0, 3, 2].map((i) => handles[i]));
  judge.content.append(half, best);
  const dots = QUANTILES.map(() => svg("circle", { class: "dot", r: 4 }));
  judge.content.append(...dots);
  const named = (area, text, [x, y]) => area.content.append(svg("text", { x, y, class: "named" }, text));
  named(densities, "density", [44, 22]);
  named(judge, "best judge D*", [338, 22]);
  const kinds = [
    ["plain", 1.45, "pushed by −log D"],
    ["saturating", 0.45, "pushed by log(1 − D)"],
  ];
  const apart = (k) => 0.11 * (2 - k); // so that arrows lie beside one another
  const arrows = {};
  for (const [kind, height, text] of kinds) {
    arrows[kind] = QUANTILES.map(() => [curve(`arrow ${kind}`), svg("circle", { class: "dot", r: 4 })]);
    const [x, y] = rows.toScreen([data.x[0], height]);
    named(rows, text, [x + 6, y - 22]);
    rows.content.append(...arrows[kind].flat());
  }

  const xs = Array.from({ length: POINTS + 1 }, (_, i) => data.x[0] + ((data.x[1] - data.x[0]) * i) / POINTS);
  const path = (area, f) => xs.map((x, i) => `${i ? "L" : "M"} ${area.toScreen([x, f(x)]).join(" ")}`).join(" ");
  const within = (value, [low, high]) => Math.min(Math.max(value, low), high);
  const limits = [data.means, data.widths, data.means, data.widths];
  const tell = onceAFrame(() => model.save_changes());
  const change = (next) => {
    state = next.map((value, i) => within(value, limits[i]));
    update();
    model.set("value", state);
    tell();
  };
  const changeOne = (i, value) => change(state.map((old, j) => (j === i ? value : old)));
  const gap = () => (two ? data.gap : 0);
  handles.forEach((handle, i) => {
    const place = (event) => densities.fromEvent(event)[0];
    const shift = () => (i < 2 ? gap() : 0);
    draggable(handle, (event) => changeOne(i, i % 2 ? place(event) - state[i - 1] - shift() : place(event)));
    arrowKeys(handle, (right, up) => changeOne(i, state[i] + 0.05 * (right + up)));
  });
  const sliders = names.map((name, i) => {
    const [min, max] = limits[i];
    return range(name, { min, max, step: 0.05, format: (value) => signed(value, 2) }, (value) => changeOne(i, value));
  });
  const pair = html("input", { type: "checkbox", onchange: () => ((two = pair.checked), update()) });
  const numbers = {};
  const row = (name, text, swatch = "") => {
    numbers[name] = html("td");
    return html("tr", {}, html("th", { scope: "row", class: swatch }, text), numbers[name]);
  };
  const head = (text, name) => html("tr", {}, html("th", { scope: "row", class: name, colspan: 2 }, text));
  const table = html(
    "table",
    {},
    head("real points: p(x)", "key-p"),
    head("generated points: q(x)", "key-q"),
    head("best judge: p / (p + q)", "key-judge"),
    row("value", "V(D*), nats"),
    row("divergence", "JSD(p, q), nats"),
    row("plain", "push, −log D", "key-plain"),
    row("saturating", "push, log(1 − D)", "key-saturating"),
  );
  const bar = svg("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img" });
  set(bar, { "aria-label": "The Jensen-Shannon divergence, from 0 to log 2" });
  const filled = svg("rect", { class: "jsd", x: 0, y: 0, height: 10 });
  bar.append(filled);
  const reset = () => {
    two = data.two;
    change([...start]);
  };
  const side = html(
    "div",
    { class: "side" },
    table,
    bar,
    html("div", { class: "ends" }, html("span", {}, "0"), html("span", {}, "JSD"), html("span", {}, "log 2 = 0.69")),
    ...sliders.map(({ element }) => element),
    html("label", { class: "check" }, pair, "p has two modes"),
    button("Reset", reset),
  );
  const help =
    "Drag p and q by their tops (mean) and shoulders (width). Below: the best judge, and the push that generated points get " +
    "from each loss of the generator.";
  const planes = html("div", { class: "planes" }, densities.element, judge.element, rows.element);
  root.append(html("p", { class: "help" }, help), html("div", { class: "row" }, planes, side));

  const arrow = (x, push, height) => {
    const [sx, sy] = rows.toScreen([x, height]);
    const length = Math.sign(push) * Math.min(data.scale * Math.abs(push), data.longest);
    const ex = rows.toScreen([x + length, height])[0];
    if (Math.abs(ex - sx) < 1.5) return "";
    const back = Math.sign(ex - sx) * Math.min(6, Math.abs(ex - sx));
    return `M ${sx} ${sy} H ${ex} M ${ex - back} ${sy - 4} L ${ex} ${sy} L ${ex - back} ${sy + 4}`;
  };
  const draw = () => {
    const [p, q] = [
      { mean: state[0], std: state[1], gap: gap() },
      { mean: state[2], std: state[3] },
    ];
    set(ofP, { d: path(densities, (x) => Math.exp(judging.logDensity(x, p))) });
    set(ofQ, { d: path(densities, (x) => Math.exp(judging.logDensity(x, q))) });
    set(best, { d: path(judge, (x) => sigmoid(judging.bestLogit(x, p, q))) });
    const [[x1, y], [x2]] = [judge.toScreen([data.x[0], 0.5]), judge.toScreen([data.x[1], 0.5])];
    set(half, { x1, x2, y1: y, y2: y });
    // the handles of a mean stand at the middle, those of a width one standard deviation to the right of it
    handles.forEach((handle, i) => {
      const density = i < 2 ? p : q;
      const x = density.mean + (i % 2 ? density.std + (density.gap ?? 0) : 0);
      const height = Math.min(Math.exp(judging.logDensity(x, density)), 0.93 * data.density[1]);
      const [cx, cy] = densities.toScreen(densities.inside([x, height]));
      set(handle, { cx, cy });
    });
    QUANTILES.forEach((quantile, k) => {
      const x = q.mean + quantile * q.std;
      const [cx, cy] = judge.toScreen([x, sigmoid(judging.bestLogit(x, p, q))]);
      set(dots[k], { cx, cy });
      const found = judging.pushes(x, p, q);
      for (const [kind, height] of kinds) {
        const [line, dot] = arrows[kind][k];
        set(line, { d: arrow(x, found[kind], height + apart(k)) });
        const [dx, dy] = rows.toScreen([x, height + apart(k)]);
        set(dot, { cx: dx, cy: dy });
      }
    });
    const mean = judging.meanPushes(p, q);
    const { value, divergence } = judging.reached(p, q);
    numbers.value.textContent = signed(value);
    numbers.divergence.textContent = divergence.toFixed(3);
    for (const [kind] of kinds) numbers[kind].textContent = brief(mean[kind]);
    set(filled, { width: (100 * divergence) / Math.LN2 });
    sliders.forEach((slider, i) => slider.show(state[i]));
    pair.checked = two;
    Object.assign(root.dataset, {
      pMean: state[0].toFixed(4),
      pWidth: state[1].toFixed(4),
      qMean: state[2].toFixed(4),
      qWidth: state[3].toFixed(4),
      modes: two ? 2 : 1,
      value: value.toFixed(4),
      divergence: divergence.toFixed(4),
      atMean: sigmoid(judging.bestLogit(q.mean, p, q)).toExponential(4),
      plain: mean.plain.toExponential(4),
      saturating: mean.saturating.toExponential(4),
    });
  };
  const update = onceAFrame(draw);
  model.on("change:value", () => {
    const value = model.get("value");
    if (value.some((number, i) => number !== state[i])) change(value);
  });
  draw();
}

export default { render };
