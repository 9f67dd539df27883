// The map of an autoencoder whose codes have two numbers, both ways: a point of the map is decoded into an image, and
// an image that can be moved, turned or drawn is encoded into a point. Both networks run here.

import { addCross } from "./pad.js";
import { apart } from "./cloud.js";
import { arrowKeys, begin, button, draggable, html, onceAFrame, range, screen, set, svg } from "./dom.js";
import { shipped } from "./data.js";
import { moved, blank, paint, stamped } from "./pictures.js";
import { plane, written } from "./plane.js";
import { run, squaredError, vector } from "./nets.js";

const SIZE = 28;
const LABELS_APART = 20; // screen pixels between the names of two classes
const ZOOM = 6; // screen pixels for each pixel of an image

function scatter(area, { codes, labels, class_names: names }) {
  const group = svg("g", { class: "scatter" });
  labels.values.forEach((label, i) => {
    const [cx, cy] = area.toScreen([codes.values[2 * i], codes.values[2 * i + 1]]);
    group.append(svg("circle", { cx, cy, r: 2.3, class: `class-${label}` }));
  });
  const medians = names.map((_, label) => {
    const median = [0, 1].map((axis) => {
      const mine = [];
      labels.values.forEach((other, i) => other === label && mine.push(codes.values[2 * i + axis]));
      return mine.sort((a, b) => a - b)[Math.floor(mine.length / 2)];
    });
    return area.toScreen(median);
  });
  apart(medians, LABELS_APART).forEach(([x, y], label) => {
    group.append(svg("text", { x, y: y + 6, class: `name class-${label}` }, names[label]));
  });
  area.content.append(group);
}

function sample({ values, shape: [, height, width] }, i) {
  const size = height * width;
  const grey = Float32Array.from(values.subarray(i * size, (i + 1) * size), (level) => level / 255);
  return { values: grey, shape: [1, height, width] };
}

async function render({ model, el }) {
  const data = await shipped(model, el);
  const root = begin(el, "code-map");
  const decode = (point) => run(data.decoder, vector(point));
  const encode = (image) => Array.from(run(data.encoder, image).values);
  const area = plane({ ...data, label: "Map of the codes: drag to choose the point that is decoded" });
  scatter(area, data);
  const mark = svg("g", { class: "mark" });
  mark.append(svg("circle", { r: 8, class: "halo" }), svg("circle", { r: 8, class: "ring" }));
  area.content.append(mark);

  // from the map to an image
  const decoded = screen(SIZE, SIZE, ZOOM);
  let point = data.start;
  const drawPoint = () => {
    const image = decode(point);
    paint(decoded, image);
    set(decoded, { "aria-label": `the image decoded at ${written(point)}` });
    cross.show(point);
    root.dataset.point = written(point, 4);
    root.dataset.decodedSum = image.values.reduce((sum, value) => sum + value, 0).toFixed(4);
  };
  const updatePoint = onceAFrame(drawPoint);
  const goTo = (to) => {
    point = to;
    updatePoint();
    model.set("value", point);
    tell();
  };
  const tell = onceAFrame(() => model.save_changes());
  const cross = addCross(area, { start: data.start, names: data.names, changed: goTo });

  // from an image to the map
  const still = { right: 0, down: 0, degrees: 0 };
  const chosen = (digit) => ({ drawn: sample(data.images, digit), digit, ...still });
  const start = () => ({ ...chosen(data.digit), mode: "move" });
  let state = start();
  const input = screen(SIZE, SIZE, ZOOM, { tabindex: 0, role: "application", "aria-roledescription": "digit" });
  const output = screen(SIZE, SIZE, ZOOM);
  const change = (changes) => {
    state = { ...state, ...changes };
    updateDigit();
  };
  const seen = () => moved(state.drawn, state.right, state.down, state.degrees);
  const shift = (right, down) => change({ right: state.right + right, down: state.down + down });
  let held = null; // where the pointer was when it went down, and the shift at that time
  draggable(input, (event, started) => {
    const box = input.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top].map((at) => (at / box.width) * SIZE);
    if (started) held = { x, y, right: state.right, down: state.down };
    if (state.mode === "move") {
      change({ right: held.right + Math.round(x - held.x), down: held.down + Math.round(y - held.y) });
    } else {
      change({ drawn: stamped(seen(), x, y), digit: null, ...still });
    }
  });
  arrowKeys(input, (right, up) => shift(right, -up));
  set(input, { "aria-label": "The digit that is encoded: arrow keys shift it by one pixel" });
  const thumbs = data.class_names.map((name, digit) => {
    const picture = screen(SIZE, SIZE, 1);
    paint(picture, sample(data.images, digit));
    set(picture, { "aria-hidden": true });
    const label = html("span", { class: `class-${digit}` }, name);
    const attributes = { type: "button", class: "thumb", "aria-label": `digit ${name}` };
    return html("button", { ...attributes, onclick: () => change(chosen(digit)) }, picture, label);
  });
  const modes = Object.entries({ move: "moves it", draw: "draws on it" }).map(([mode, does]) => {
    const radio = html("input", { type: "radio", value: mode, onchange: () => change({ mode }) });
    return { mode, radio, element: html("label", { class: "check" }, radio, does) };
  });
  const turn = range(
    "Turn",
    { min: -45, max: 45, step: 1, format: (degrees) => `${degrees}°` },
    (degrees) => change({ degrees }),
  );
  const error = html("output", { class: "error" });
  const code = html("output");
  const drawDigit = () => {
    const image = seen();
    const z = encode(image);
    const back = decode(z);
    paint(input, image);
    paint(output, back);
    set(output, { "aria-label": `its reconstruction, from the code ${written(z)}` });
    set(mark, { transform: `translate(${area.toScreen(area.inside(z)).join(" ")})` });
    const wrong = squaredError(image, back);
    code.textContent = `(${written(z)})`;
    error.textContent = wrong.toFixed(1);
    turn.show(state.degrees);
    thumbs.forEach((thumb, digit) => set(thumb, { "aria-pressed": String(digit === state.digit) }));
    for (const { mode, radio } of modes) radio.checked = mode === state.mode;
    input.style.cursor = state.mode === "draw" ? "crosshair" : "move";
    Object.assign(root.dataset, {
      digit: state.digit ?? "drawn",
      code: written(z, 4),
      error: wrong.toFixed(4),
      shift: `${state.right}, ${state.down}`,
      degrees: state.degrees,
      mode: state.mode,
    });
  };
  const updateDigit = onceAFrame(drawDigit);
  const clear = () => change({ drawn: blank(SIZE, SIZE), digit: null, ...still, mode: "draw" });
  const arrow = (sign, name, right, down) => button(sign, () => shift(right, down), { "aria-label": `shift ${name}` });

  model.on("change:value", () => {
    if (String(model.get("value")) === String(point)) return;
    point = model.get("value");
    updatePoint();
  });
  const reset = button("Reset", () => {
    goTo(data.start);
    change(start());
  });
  const figure = (picture, ...caption) => html("figure", {}, picture, html("figcaption", {}, ...caption));
  const side = html("div", { class: "side" }, figure(decoded, "decoded at the cross"), ...cross.sliders, reset);
  const help = "Drag over the map: the decoder draws the point under the cross. The ring is the code of the digit below.";
  root.append(html("p", { class: "help" }, help), html("div", { class: "row" }, area.element, side));
  root.append(html("div", { class: "thumbs", role: "group", "aria-label": "Digits to encode" }, ...thumbs));
  const tools = html(
    "div",
    { class: "side" },
    html("div", { class: "buttons" }, html("span", {}, "The pointer on the digit"), ...modes.map(({ element }) => element)),
    html(
      "div",
      { class: "buttons" },
      arrow("←", "left", -1, 0),
      arrow("→", "right", 1, 0),
      arrow("↑", "up", 0, -1),
      arrow("↓", "down", 0, 1),
    ),
    turn.element,
    button("Clear, and draw one", clear),
  );
  const pair = html(
    "div",
    { class: "row" },
    figure(input, "in: code ", code),
    figure(output, "out: squared error ", error),
    tools,
  );
  root.append(pair);
  drawPoint();
  drawDigit();
}

export default { render };
