// One draw z = mu + sigma * eps, its cost, and what it says of the gradient: by the path through z, and by the score. Both
// stand beside the true gradient, with the same of many more draws.

import { arrowKeys, begin, button, draggable, html, onceAFrame, range, set, svg } from "./dom.js";
import { shipped } from "./data.js";
import { plane, written } from "./plane.js";
import { COSTS, density, pathwise, scoreFunction, summary } from "./draws.js";

const [WIDE, LEFT, RIGHT] = [592, 96, 12]; // of the strips of estimates, in screen pixels
const ROWS = { pathwise: 30, score: 78 }; // their heights
const REACH = 6; // the strips show gradients from -REACH to REACH
const POINTS = 161; // of a drawn curve
const SIGNS = { mu: "μ", sigma: "σ" };

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const signed = (value, digits = 2) => value.toFixed(digits).replace("-", "−");

async function render({ model, el }) {
  const data = await shipped(model, el);
  const noise = Array.from(data.noise.values);
  const root = begin(el, "draw-and-gradient");
  const area = plane({ ...data, label: "The density of z, and its cost" });
  const atStart = () => ({ ...data.start });
  let state = { ...atStart(), ...model.get("value") };

  const grid = Array.from({ length: POINTS }, (_, i) => area.x[0] + ((area.x[1] - area.x[0]) * i) / (POINTS - 1));
  const bell = svg("path", { class: "bell" });
  const curve = svg("path", { class: "cost" });
  const tangent = svg("line", { class: "tangent" });
  const stem = svg("line", { class: "stem" });
  const onBell = svg("circle", { class: "z", r: 5 });
  const onCurve = svg("circle", { class: "z", r: 7 });
  const bar = svg("line", { class: "spread" });
  const handle = (name, shape, label) =>
    set(svg("path", { d: shape, class: `handle ${name}`, tabindex: 0, role: "application" }), { "aria-label": label });
  const diamond = "M 0 -9 L 9 0 L 0 9 L -9 0 Z";
  const grips = {
    mu: handle("mu", diamond, "The mean: arrow keys move it"),
    sigma: handle("sigma", "M -6 -9 H 6 V 9 H -6 Z", "One standard deviation above the mean: arrow keys move it"),
    z: handle("z", "M 0 -9 A 9 9 0 0 1 0 9 A 9 9 0 0 1 0 -9 Z", "The draw z: arrow keys move it"),
  };
  area.content.append(bell, curve, bar, stem, tangent, onBell, onCurve, grips.sigma, grips.mu, grips.z);

  const change = (changes) => {
    state = { ...state, ...changes };
    state.mu = clamp(state.mu, -3, 3);
    state.sigma = clamp(state.sigma, 0.3, 2);
    update();
    model.set("value", { mu: state.mu, sigma: state.sigma, eps: state.eps });
    tell();
  };
  const tell = onceAFrame(() => model.save_changes());
  const z = () => state.mu + state.sigma * state.eps;
  // the density moves: either the noise stays and z goes with it, or z stays and its noise is another one
  const reshape = (mu, sigma) => {
    const [to, width] = [clamp(mu, -3, 3), clamp(sigma, 0.3, 2)];
    change({ mu: to, sigma: width, eps: state.keep === "eps" ? state.eps : (z() - to) / width });
  };
  const moveZ = (to) => change({ eps: clamp((to - state.mu) / state.sigma, -3, 3) });
  const moves = {
    mu: (to) => reshape(to, state.sigma),
    sigma: (to) => reshape(state.mu, to - state.mu),
    z: moveZ,
  };
  const places = { mu: () => state.mu, sigma: () => state.mu + state.sigma, z };
  for (const [name, grip] of Object.entries(grips)) {
    draggable(grip, (event) => moves[name](area.fromEvent(event)[0]));
    arrowKeys(grip, (right, up) => moves[name](places[name]() + 0.05 * (right + up)));
  }

  const sliders = {
    mu: range("Mean μ", { min: -3, max: 3, step: 0.05, format: signed }, (to) => reshape(to, state.sigma)),
    sigma: range("Width σ", { min: 0.3, max: 2, step: 0.05 }, (to) => reshape(state.mu, to)),
    eps: range("Noise ε", { min: -3, max: 3, step: 0.05, format: signed }, (eps) => change({ eps })),
    draws: range("Number of draws N", { min: 0, max: 9, step: 1, format: (i) => String(2 ** i) }, (i) =>
      change({ draws: 2 ** i }),
    ),
  };
  const choice = (label, options, key) => {
    const select = html("select", { "aria-label": label, onchange: () => change({ [key]: select.value }) });
    for (const [value, text] of options) select.append(html("option", { value }, text));
    return { element: html("label", { class: "choice" }, html("span", {}, label), select), select };
  };
  const choices = {
    cost: choice("The cost f is", Object.entries(COSTS).map(([key, { label }]) => [key, label]), "cost"),
    wrt: choice("Gradient with respect to", Object.entries(SIGNS), "wrt"),
    keep: choice("When μ or σ moves, keep", [["eps", "ε"], ["z", "z"]], "keep"),
  };
  const reset = button("Reset", () => change(atStart()));

  const height = 136;
  const strips = svg("svg", { class: "strips", viewBox: `0 0 ${WIDE} ${height}`, role: "img" });
  const across = (gradient) => LEFT + ((clamp(gradient, -REACH, REACH) + REACH) / (2 * REACH)) * (WIDE - LEFT - RIGHT);
  const frame = svg("g", { class: "axes" });
  for (let tick = -REACH; tick <= REACH; tick += 2) {
    frame.append(svg("line", { x1: across(tick), x2: across(tick), y1: 8, y2: 100 }));
    frame.append(svg("text", { x: across(tick), y: 115, "text-anchor": "middle" }, signed(tick, 0)));
  }
  const title = svg("text", { x: (LEFT + WIDE - RIGHT) / 2, y: 131, "text-anchor": "middle" });
  frame.append(title);
  const truth = svg("line", { class: "truth", y1: 8, y2: 100 });
  strips.append(frame, truth);
  const strip = (name, text) => {
    const y = ROWS[name];
    frame.append(svg("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, text));
    const dots = noise.map((_, i) =>
      svg("circle", { class: `estimate ${name}`, r: 2.2, cy: y + 26 * (data.heights[i] - 0.5) }),
    );
    const mean = svg("line", { class: `mean ${name}`, y1: y - 19, y2: y + 19 });
    const own = svg("circle", { class: `own ${name}`, r: 6, cy: y });
    strips.append(...dots, mean, own);
    return { dots, mean, own };
  };
  const drawn = { pathwise: strip("pathwise", "path"), score: strip("score", "score") };

  const cells = {};
  const row = (key, ...texts) => {
    cells[key] = texts.slice(1).map(() => html("td"));
    return html("tr", {}, html("th", { scope: "row", class: key }, texts[0]), ...cells[key]);
  };
  const heads = ["gradient by", "this draw", "mean of N", "scatter of N"];
  const table = html(
    "table",
    { class: "estimates" },
    html("tr", {}, ...heads.map((text) => html("th", { scope: "col" }, text))),
    row("pathwise", "the path", 1, 1, 1),
    row("score", "the score", 1, 1, 1),
    row("truth", "the formula (true)", 1, 1, 1),
  );
  const side = html(
    "div",
    { class: "side" },
    choices.cost.element,
    choices.wrt.element,
    choices.keep.element,
    ...Object.values(sliders).map(({ element }) => element),
    reset,
  );
  const help = "Drag the mean (diamond), the width (box) or the draw z (round) along the axis. Dots beyond ±6 pile up at the edge.";
  root.append(html("p", { class: "help" }, help), html("div", { class: "row" }, area.element, side), strips, table);

  const path = (values) =>
    values.map((value, i) => `${i ? "L" : "M"} ${area.toScreen([grid[i], value]).map((v) => v.toFixed(1)).join(" ")}`);
  const draw = () => {
    const { mu, sigma, eps } = state;
    const cost = COSTS[state.cost];
    const at = z();
    const which = state.wrt === "mu" ? 0 : 1;
    const ends = (element, from, to) => {
      const [[x1, y1], [x2, y2]] = [area.toScreen(from), area.toScreen(to)];
      set(element, { x1, y1, x2, y2 });
    };
    const place = (element, point) => set(element, { transform: `translate(${area.toScreen(point).join(" ")})` });
    const [left, right] = [area.toScreen([area.x[0], 0]), area.toScreen([area.x[1], 0])];
    const outline = path(grid.map((value) => density(value, mu, sigma)));
    set(bell, { d: `M ${left.join(" ")} ${outline.join(" ").replace("M", "L")} L ${right.join(" ")} Z` });
    set(curve, { d: path(grid.map(cost.value)).join(" ") });
    const [value, slope, q] = [cost.value(at), cost.slope(at), density(at, mu, sigma)];
    ends(stem, [at, 0], [at, value]);
    ends(tangent, [at - 0.8, value - 0.8 * slope], [at + 0.8, value + 0.8 * slope]);
    ends(bar, [mu, 0], [mu + sigma, 0]);
    place(onBell, [at, q]);
    place(onCurve, [at, value]);
    for (const [name, grip] of Object.entries(grips)) place(grip, [clamp(places[name](), ...area.x), 0]);
    const own = { pathwise: pathwise(cost, mu, sigma, eps)[which], score: scoreFunction(cost, mu, sigma, eps)[which] };
    const exact = cost.gradient(mu, sigma)[which];
    const estimators = { pathwise, score: scoreFunction };
    const results = {};
    for (const [name, estimate] of Object.entries(estimators)) {
      const values = noise.slice(0, state.draws).map((e) => estimate(cost, mu, sigma, e)[which]);
      results[name] = summary(values);
      drawn[name].dots.forEach((dot, i) => {
        dot.style.display = i < state.draws ? "" : "none";
        if (i < state.draws) set(dot, { cx: across(values[i]) });
      });
      set(drawn[name].own, { cx: across(own[name]) });
      set(drawn[name].mean, { x1: across(results[name].mean), x2: across(results[name].mean) });
      [own[name], results[name].mean, results[name].deviation].forEach((number, i) => {
        cells[name][i].textContent = signed(number);
      });
    }
    set(truth, { x1: across(exact), x2: across(exact) });
    ["", signed(exact), ""].forEach((text, i) => (cells.truth[i].textContent = text));
    title.textContent = `gradient with respect to ${SIGNS[state.wrt]}: a dot for each draw, bars for the means`;
    const said = `With respect to ${SIGNS[state.wrt]}: path ${signed(own.pathwise)}, score ${signed(own.score)}, true `;
    set(strips, { "aria-label": said + signed(exact) });
    sliders.mu.show(mu);
    sliders.sigma.show(sigma);
    sliders.eps.show(eps);
    sliders.draws.show(Math.round(Math.log2(state.draws)));
    for (const [key, { select }] of Object.entries(choices)) select.value = state[key];
    Object.assign(root.dataset, {
      mu: mu.toFixed(4),
      sigma: sigma.toFixed(4),
      eps: eps.toFixed(4),
      z: at.toFixed(4),
      density: q.toFixed(4),
      f: value.toFixed(4),
      cost: state.cost,
      wrt: state.wrt,
      keep: state.keep,
      draws: state.draws,
      pathwise: own.pathwise.toFixed(4),
      score: own.score.toFixed(4),
      truth: exact.toFixed(4),
      means: written([results.pathwise.mean, results.score.mean], 4),
      deviations: written([results.pathwise.deviation, results.score.deviation], 4),
    });
  };
  const update = onceAFrame(draw);
  model.on("change:value", () => {
    const { mu, sigma, eps } = model.get("value");
    if (mu !== state.mu || sigma !== state.sigma || eps !== state.eps) {
      state = { ...state, mu, sigma, eps };
      update();
    }
  });
  draw();
}

export default { render };
