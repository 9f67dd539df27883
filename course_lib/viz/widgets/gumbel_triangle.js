// Draws of three categories, relaxed: each is a point of a triangle, near a corner if the temperature is low. Beside it: what
// the relaxed draws say of a gradient that is known by enumeration, with the same noise for every temperature.

import { begin, button, html, onceAFrame, range, set, svg } from "./dom.js";
import { shipped } from "./data.js";
import * as gumbel from "./gumbel.js";
import { summary } from "./draws.js";

const [SIDE, LEFT, BASE] = [330, 38, 318]; // of the triangle, in screen pixels
const NAMES = ["A", "B", "C"];
const signed = (value) => value.toFixed(2).replace("-", "−");

async function render({ model, el }) {
  const data = await shipped(model, el);
  const { values, shape } = data.noise;
  const noise = Array.from({ length: shape[0] }, (_, i) => Array.from(values.slice(3 * i, 3 * i + 3)));
  const root = begin(el, "gumbel-triangle");
  const atStart = () => ({ temperature: data.temperature, logits: [...data.logits] });
  let state = { ...atStart(), temperature: model.get("value") ?? data.temperature };

  const label = "The triangle of three categories, with one point for each relaxed draw";
  const drawing = svg("svg", { viewBox: "0 0 406 350", class: "plane", role: "img", "aria-label": label });
  const toScreen = (y) => {
    const [right, up] = gumbel.inTriangle(y);
    return [LEFT + SIDE * right, BASE - SIDE * up];
  };
  const corners = NAMES.map((_, k) => toScreen(gumbel.corner(k, 3)));
  drawing.append(svg("path", { class: "sides", d: `M ${corners.map((at) => at.join(" ")).join(" L ")} Z` }));
  const dots = noise.map(() => svg("circle", { r: 3 }));
  const mean = svg("path", { class: "centre", d: "M -8 0 H 8 M 0 -8 V 8" });
  drawing.append(...dots, mean);
  const names = [[0, BASE + 24, "start"], [406, BASE + 24, "end"], [LEFT + SIDE / 2, 22, "middle"]].map(([x, y, anchor], k) => {
    const text = svg("text", { x, y, "text-anchor": anchor, class: `corner class-${k}` });
    drawing.append(text);
    return text;
  });

  const change = (changes) => {
    state = { ...state, ...changes };
    update();
    model.set("value", state.temperature);
    tell();
  };
  const tell = onceAFrame(() => model.save_changes());
  const format = (power) => (10 ** power).toFixed(2);
  const warm = range("Temperature τ", { min: -1, max: 1, step: 0.05, format }, (power) =>
    change({ temperature: 10 ** power }),
  );
  const logits = NAMES.map((name, k) =>
    range(`Logit of ${name}`, { min: -3, max: 3, step: 0.1, format: signed }, (value) =>
      change({ logits: state.logits.map((old, i) => (i === k ? value : old)) }),
    ),
  );
  const cells = {};
  const row = (key, text) => {
    cells[key] = [html("td"), html("td")];
    return html("tr", {}, html("th", { scope: "row", class: key }, text), ...cells[key]);
  };
  const heads = ["gradient of C's logit", "mean", "scatter"].map((text) => html("th", { scope: "col" }, text));
  const table = html(
    "table",
    { class: "estimates" },
    html("tr", {}, ...heads),
    row("exact", "by enumeration (true)"),
    row("soft", "relaxed draws"),
    row("hard", "straight-through"),
    row("reinforce", "score function"),
  );
  const reset = button("Reset", () => change(atStart()));
  const side = html("div", { class: "side" }, warm.element, ...logits.map(({ element }) => element), reset);
  const costs = NAMES.map((name, k) => `${name} costs ${gumbel.cost(gumbel.corner(k, 3), data.task)}`).join(", ");
  const help = `${noise.length} draws from three categories: cool them down, warm them up. Colour: the largest share. ${costs}.`;
  const left = html("div", { class: "area" }, drawing);
  root.append(html("p", { class: "help" }, help), html("div", { class: "row" }, left, side), table);

  const draw = () => {
    const { temperature, logits: now } = state;
    const p = gumbel.softmax(now);
    const counts = [0, 0, 0];
    const middle = [0, 0, 0];
    let toCorner = 0;
    noise.forEach((g, i) => {
      const y = gumbel.relaxed(now, g, temperature);
      const k = gumbel.largest(y);
      counts[k] += 1;
      toCorner += y[k];
      y.forEach((share, j) => (middle[j] += share / noise.length));
      const [cx, cy] = toScreen(y);
      set(dots[i], { cx, cy, class: `class-${k}` });
    });
    set(mean, { transform: `translate(${toScreen(middle).join(" ")})` });
    names.forEach((text, k) => {
      text.textContent = `${NAMES[k]}: p = ${p[k].toFixed(2)}, drawn ${(counts[k] / noise.length).toFixed(2)}`;
    });
    const of = (estimate) => summary(noise.map((g) => estimate(g)[2]));
    const prices = p.map((_, k) => gumbel.cost(gumbel.corner(k, 3), data.task));
    const baseline = prices.reduce((sum, value, k) => sum + p[k] * value, 0);
    const found = {
      exact: { mean: gumbel.exactGradient(now, data.task)[2], deviation: 0 },
      soft: of((g) => gumbel.relaxedGradient(now, g, temperature, data.task)),
      hard: of((g) => gumbel.relaxedGradient(now, g, temperature, data.task, true)),
      reinforce: of((g) => gumbel.reinforce(now, g, data.task, baseline)),
    };
    for (const [key, { mean: average, deviation }] of Object.entries(found)) {
      cells[key][0].textContent = signed(average);
      cells[key][1].textContent = key === "exact" ? "" : signed(deviation);
    }
    warm.show(Math.log10(temperature));
    logits.forEach((slider, k) => slider.show(now[k]));
    Object.assign(root.dataset, {
      temperature: temperature.toFixed(4),
      logits: now.map((value) => value.toFixed(4)).join(", "),
      counts: counts.join(", "),
      sharpness: (toCorner / noise.length).toFixed(4),
      exact: found.exact.mean.toFixed(4),
      means: ["soft", "hard", "reinforce"].map((key) => found[key].mean.toFixed(4)).join(", "),
      deviations: ["soft", "hard", "reinforce"].map((key) => found[key].deviation.toFixed(4)).join(", "),
    });
  };
  const update = onceAFrame(draw);
  model.on("change:value", () => {
    if (model.get("value") !== state.temperature) {
      state = { ...state, temperature: model.get("value") };
      update();
    }
  });
  draw();
}

export default { render };
