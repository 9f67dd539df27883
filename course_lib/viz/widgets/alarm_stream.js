// A stream of a sensor, the scores of detectors below it, and a threshold that is moved by hand: which alarms it raises,
// how many of them are right, and how late they come.

import { arrowKeys, begin, button, draggable, html, onceAFrame, range, set, svg } from "./dom.js";
import { shipped } from "./data.js";
import { plane } from "./plane.js";
import * as alarms from "./alarms.js";

const SHOWN = 6; // stretches in sight
const HEIGHT = [-1.2, 2.2]; // of the scores, log10 of their share of the threshold chosen before

async function render({ model, el }) {
  const data = await shipped(model, el);
  const root = begin(el, "alarm-stream");
  const [count, length] = data.signal.shape;
  const names = Object.keys(data.detectors);
  const samples = [0, SHOWN * length];
  const signals = plane({
    x: samples,
    y: data.y,
    names: ["samples", "signal"],
    label: "Some stretches of the stream; faults are shaded",
    height: 180,
  });
  const scored = plane({
    x: samples,
    y: HEIGHT,
    names: ["samples", "score, log₁₀"],
    label: "The detector's scores, and the threshold",
    height: 210,
  });
  const start = { detector: names[0], height: 0, from: data.start };
  let state = { ...start, height: model.get("value") ?? 0 };

  const faults = svg("g", { class: "faults" });
  const signal = svg("path", { class: "signal" });
  const curve = svg("path", { class: "score" });
  const marks = svg("g", { class: "marks" });
  const seams = svg("g", { class: "seams" });
  const line = svg("line", { class: "threshold" });
  const grip = svg("line", { class: "grip", tabindex: 0, role: "application" });
  set(grip, { "aria-label": "The threshold: arrow keys move it" });
  signals.content.append(faults, signal);
  scored.content.append(marks, seams, curve, line, grip);

  const tell = onceAFrame(() => model.save_changes());
  const within = (value, [low, high]) => Math.min(Math.max(value, low), high);
  const change = (changes) => {
    state = { ...state, ...changes };
    update();
    if (changes.height === undefined) return;
    model.set("value", state.height);
    tell();
  };
  const setHeight = (height) => change({ height: within(height, [HEIGHT[0] + 0.1, HEIGHT[1] - 0.1]) });
  const look = (n) => change({ from: within(n, [0, count - SHOWN]) });
  draggable(grip, (event) => setHeight(scored.fromEvent(event)[1]));
  arrowKeys(grip, (right, up) => setHeight(state.height + 0.02 * (right + up)));

  const times = (height) => `× ${(10 ** height).toPrecision(2)}`;
  const limits = { min: HEIGHT[0] + 0.1, max: HEIGHT[1] - 0.1, step: 0.01, format: times };
  const threshold = range("Threshold", limits, setHeight);
  const place = range("Place in the stream", { min: 0, max: count - SHOWN, step: 1, format: String }, look);
  const select = html("select", { "aria-label": "Detector", onchange: () => change({ detector: select.value }) });
  select.append(...names.map((name) => html("option", { value: name }, name)));
  const seek = (test) => look(alarms.next(count, state.from + 1, test) - 1);
  const buttons = html(
    "div",
    { class: "buttons" },
    button("Next fault", () => seek((n) => data.onsets[n] >= 0)),
    button("Next false alarm", () => seek((n) => data.onsets[n] < 0 && outcome.raised[n])),
    button("Reset", () => change({ ...start })),
  );
  const numbers = {};
  const row = (name, text) => {
    numbers[name] = html("td");
    return html("tr", {}, html("th", { scope: "row" }, text), numbers[name]);
  };
  const table = html(
    "table",
    {},
    row("alarms", `alarms in ${count} stretches`),
    row("precision", "of them right (precision)"),
    row("found", "faults found"),
    row("delay", "median delay, samples"),
  );
  const side = html("div", { class: "side" }, select, table, threshold.element, place.element, buttons);
  const help = "Drag the dashed threshold. Shaded: faults. Grey: an alarm. × 1 is the threshold chosen on the validation part.";
  const planes = html("div", { class: "planes" }, signals.element, scored.element);
  root.append(html("p", { class: "help" }, help), html("div", { class: "row" }, planes, side));

  let outcome = null;
  const draw = () => {
    const { detector, height, from } = state;
    const { scores, threshold: chosen } = data.detectors[detector];
    const places = scores.shape[1];
    outcome = alarms.outcome(scores, data.ends, data.onsets, chosen * 10 ** height);
    const shown = Array.from({ length: SHOWN }, (_, i) => from + i);
    const path = (area, points) =>
      points.map((point, i) => `${i ? "L" : "M"} ${area.toScreen(point).join(" ")}`).join(" ");
    const values = data.signal.values.subarray(from * length, (from + SHOWN) * length);
    set(signal, { d: path(signals, Array.from(values, (value, t) => [t, value])) });
    const pieces = shown.map((n, i) => {
      const one = Array.from({ length: places }, (_, p) => {
        const level = Math.log10(Math.max(scores.values[n * places + p] / chosen, 1e-9));
        return [i * length + data.ends[p], within(level, HEIGHT)];
      });
      return path(scored, one);
    });
    set(curve, { d: pieces.join(" ") });
    const band = (area, left, right, [low, high]) => {
      const [[x0, y0], [x1, y1]] = [area.toScreen([left, high]), area.toScreen([right, low])];
      return svg("rect", { x: x0, y: y0, width: x1 - x0, height: y1 - y0 });
    };
    faults.replaceChildren(
      ...shown.flatMap((n, i) => {
        const fault = data.faults.values.subarray(n * length, (n + 1) * length);
        const [first, last] = [fault.indexOf(1), fault.lastIndexOf(1)];
        return first < 0 ? [] : [band(signals, i * length + first - 2, i * length + last + 2, data.y)];
      }),
    );
    marks.replaceChildren(
      ...shown.flatMap((n, i) => (outcome.raised[n] ? [band(scored, i * length, (i + 1) * length, HEIGHT)] : [])),
    );
    seams.replaceChildren(
      ...shown.map((_, i) => {
        const [x1, y1] = scored.toScreen([i * length, HEIGHT[0]]);
        const [, y2] = scored.toScreen([0, HEIGHT[1]]);
        return svg("line", { x1, x2: x1, y1, y2 });
      }),
    );
    const [left, y] = scored.toScreen([0, height]);
    const [right] = scored.toScreen([samples[1], 0]);
    for (const element of [line, grip]) set(element, { x1: left, x2: right, y1: y, y2: y });
    numbers.alarms.textContent = outcome.alarms;
    numbers.precision.textContent = outcome.precision === null ? "–" : `${Math.round(100 * outcome.precision)} %`;
    numbers.found.textContent = `${outcome.found} of ${outcome.faults}`;
    numbers.delay.textContent = outcome.delay ?? "–";
    threshold.show(height);
    place.show(from);
    select.value = detector;
    Object.assign(root.dataset, {
      detector,
      height: height.toFixed(4),
      from,
      alarms: outcome.alarms,
      found: outcome.found,
      precision: outcome.precision === null ? "" : outcome.precision.toFixed(4),
      delay: outcome.delay ?? "",
    });
  };
  const update = onceAFrame(draw);
  model.on("change:value", () => {
    if (model.get("value") !== state.height) change({ height: model.get("value") });
  });
  draw();
}

export default { render };
