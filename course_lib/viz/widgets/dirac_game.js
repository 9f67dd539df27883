// The game of two weights in its plane: arrows say where both players are pushed, a line where they go from a start that
// is moved by hand.

import { addCross } from "./pad.js";
import { begin, html, onceAFrame, range, set, svg } from "./dom.js";
import { shipped } from "./data.js";
import * as dirac from "./dirac.js";
import { plane, written } from "./plane.js";

const SIDE = 13; // arrows, to a side
const NOTES = {
  minimax: "Only imaginary: every arrow lies along a circle. Steps taken at once lead outwards.",
  plain: "Only imaginary: near the middle the arrows turn around it. Farther out −log D pulls inwards as well.",
  wasserstein: "Only imaginary: every arrow lies along a circle. Steps taken at once lead outwards.",
  r1: "A negative real part: R1 pulls ψ to 0, and the way becomes a spiral inwards.",
  penalty: "None: the penalty wants |ψ| = 1, so the arrows jump where ψ is 0, and the way goes on around the middle.",
  spectral: "None: ψ / |ψ| is 1 or −1 and has no derivative, so a judge of one weight learns nothing.",
};

async function render({ model, el }) {
  const data = await shipped(model, el);
  const root = begin(el, "dirac-game");
  const area = plane({ ...data, label: "The plane of the generator's weight θ and the discriminator's weight ψ" });
  const atStart = () => ({ ...data.settings, point: [...data.start] });
  let state = { ...atStart(), point: model.get("value") ?? [...data.start] };

  const field = Array.from({ length: SIDE * SIDE }, () => svg("path", { class: "field" }));
  const [way, dots] = [svg("path", { class: "way" }), svg("path", { class: "steps" })];
  const rest = svg("circle", { class: "rest", r: 5 });
  const average = svg("path", { class: "average", d: "M -8 0 L 0 -8 L 8 0 L 0 8 Z" });
  const end = svg("circle", { class: "end", r: 6 });
  area.content.append(...field, rest, way, dots, average, end);
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
  const cross = addCross(area, { start: data.start, names: data.sliders, changed: (point) => change({ point }) });
  set(cross.reset, { onclick: () => change(atStart()) });

  const select = (label, options, changed) => {
    const element = html("select", { "aria-label": label, onchange: () => changed(element.value) });
    for (const [value, text] of options) element.append(html("option", { value }, text));
    return element;
  };
  const kinds = Object.entries(dirac.GAMES).map(([name, { label }]) => [name, label]);
  const game = select("Game", kinds, (name) => change({ game: name }));
  const order = select(
    "Steps are taken",
    [
      ["together", "at once"],
      ["alternating", "in turns, D first"],
    ],
    (value) => change({ alternating: value === "alternating" }),
  );
  const strength = range("Strength", { min: 0.05, max: 2, step: 0.05 }, (value) => change({ strength: value }));
  const rate = range("Step size", { min: 0.01, max: 0.5, step: 0.01 }, (value) => change({ rate: value }));
  const steps = range("Steps", { min: 10, max: 1000, step: 10, format: String }, (value) => change({ steps: value }));
  const cells = {};
  const row = (name, text, swatch = "") => {
    cells[name] = html("td");
    return html("tr", {}, html("th", { scope: "row", class: swatch }, text), cells[name]);
  };
  const table = html(
    "table",
    {},
    row("before", "start to the middle"),
    row("after", "end to the middle", "key-end"),
    row("averaged", "average to the middle", "key-average"),
    row("values", "eigenvalues there"),
  );
  const note = html("p", { class: "note" });
  const choice = (text, element) => html("label", { class: "choice" }, text, element);
  const side = html(
    "div",
    { class: "side" },
    choice("Game", game),
    strength.element,
    rate.element,
    steps.element,
    choice("Steps", order),
    table,
    note,
    cross.reset,
  );
  const more = html("details", {}, html("summary", {}, "The start as numbers"));
  more.append(html("div", { class: "grid" }, ...cross.sliders));
  const help =
    "Drag the cross: from there both players go. In the middle the generator's point is the real one, and the judge " +
    "can't tell.";
  root.append(html("p", { class: "help" }, help), html("div", { class: "row" }, area.element, side), more);

  const reach = 0.42 * ((data.x[1] - data.x[0]) / SIDE);
  const shaft = ([x, y], push) => {
    const length = Math.hypot(...push);
    if (length < 1e-9) return "";
    const drawn = reach * Math.min(1, Math.sqrt(length));
    const [dx, dy] = push.map((value) => (value / length) * drawn);
    const [[x1, y1], [x2, y2]] = [area.toScreen([x - dx, y - dy]), area.toScreen([x + dx, y + dy])];
    const angle = Math.atan2(y2 - y1, x2 - x1);
    const wing = (turn) => `L ${x2 - 5 * Math.cos(angle + turn)} ${y2 - 5 * Math.sin(angle + turn)}`;
    return `M ${x1} ${y1} L ${x2} ${y2} ${wing(0.5)} M ${x2} ${y2} ${wing(-0.5)}`;
  };
  const line = (points) => points.map((point, i) => `${i ? "L" : "M"} ${area.toScreen(point).join(" ")}`).join(" ");
  let drawnFor = "";
  const draw = () => {
    const rules = dirac.GAMES[state.game];
    const wanted = `${state.game} ${state.strength}`;
    if (drawnFor !== wanted) grid.forEach((at, i) => set(field[i], { d: shaft(at, rules.push(at, state.strength)) }));
    drawnFor = wanted;
    const points = dirac.path(state.point, state, state.steps);
    const far = points.findIndex((point) => Math.hypot(...point) > 50);
    const shown = far < 0 ? points : points.slice(0, far);
    set(way, { d: line(shown) });
    set(dots, { d: shown.map((point) => `M ${area.toScreen(point).join(" ")} h 0`).join(" ") });
    const middle = dirac.mean(points);
    const place = (element, point) => set(element, { transform: `translate(${area.toScreen(point).join(" ")})` });
    place(rest, [0, 0]);
    place(end, shown.at(-1));
    place(average, middle);
    const values = rules.around(state.strength);
    const pair = values && dirac.eigenvalues(values);
    const [before, after, averaged] = [state.point, points.at(-1), middle].map((point) => Math.hypot(...point));
    const distance = (value) => (value < 1000 ? value.toFixed(2) : "> 1000");
    cells.before.textContent = distance(before);
    cells.after.textContent = distance(after);
    cells.averaged.textContent = distance(averaged);
    const signed = (value) => value.toFixed(2).replace("-", "−");
    const [[real, imaginary], [other]] = pair ?? [[0, 0], [0]];
    cells.values.textContent = !pair ? "none" : imaginary ? `${signed(real)} ± ${signed(imaginary)} i` : `${signed(real)}, ${signed(other)}`;
    note.textContent = NOTES[state.game];
    [game.value, order.value] = [state.game, state.alternating ? "alternating" : "together"];
    strength.element.style.visibility = rules.strength ? "" : "hidden";
    strength.element.firstChild.textContent = rules.strength ?? "Strength";
    set(strength.input, { "aria-label": rules.strength ?? "Strength" });
    strength.show(state.strength);
    rate.show(state.rate);
    steps.show(state.steps);
    cross.show(state.point);
    Object.assign(root.dataset, {
      point: written(state.point, 4),
      end: written(points.at(-1), 4),
      game: state.game,
      strength: state.strength,
      rate: state.rate,
      steps: state.steps,
      alternating: state.alternating,
      before: before.toFixed(4),
      after: after.toFixed(4),
      averaged: averaged.toFixed(4),
      eigenvalues: pair ? pair.map((value) => written(value, 4)).join(", ") : "none",
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
