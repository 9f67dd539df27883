// One glyph of the data set and the numbers that it is made from, each with its control; it is drawn here.

import { arrowKeys, begin, button, draggable, html, onceAFrame, range, screen, set } from "./dom.js";
import { shipped } from "./data.js";
import { changed, faceOf, warp } from "./glyphs.js";
import { paint } from "./pictures.js";

const ZOOM = 9; // screen pixels for each pixel of the image
const CONTROLS = {
  rotation: ["Rotation", 0.5, (value) => `${value.toFixed(1)}°`],
  scale: ["Scale", 0.01, (value) => `× ${value.toFixed(2)}`],
  shear: ["Shear", 0.01, (value) => value.toFixed(2)],
  shift_x: ["Shift right", 0.05, (value) => `${value.toFixed(2)} pixels`],
  shift_y: ["Shift down", 0.05, (value) => `${value.toFixed(2)} pixels`],
};

async function render({ model, el }) {
  const data = await shipped(model, el);
  const root = begin(el, "glyph-factors");
  const { masters, faces, characters, ranges, place } = data;
  const [, many, height, width] = masters.shape;
  const masterOf = ({ face, character }) => {
    const first = (face * many + character) * height * width;
    return { values: masters.values.subarray(first, first + height * width), shape: [height, width] };
  };
  const drawn = (factors) => warp(masterOf(factors), place, factors);
  const atStart = drawn(data.start);
  let state = model.get("value");
  const picture = screen(place.side, place.side, ZOOM, { tabindex: 0, role: "application", "aria-roledescription": "glyph" });
  const count = html("output", { class: "error" });
  const note = html("p", { class: "note", role: "status" });

  const change = (changes) => {
    state = { ...state, ...changes };
    for (const [name, [low, high]] of Object.entries(ranges))
      state[name] = Math.round(1e4 * Math.min(Math.max(state[name], low), high)) / 1e4 || 0; // and no -0
    update();
    model.set("value", state);
    tell();
  };
  const draw = () => {
    const image = drawn(state);
    const face = faces[state.face];
    paint(picture, image);
    set(picture, { "aria-label": `the glyph ${characters[state.character]}: drag it, or shift it by arrow keys` });
    const others = changed(image, atStart);
    count.textContent = others;
    note.textContent = face.held_out ? "No training image has this face." : "";
    digits.forEach((digit, i) => set(digit, { "aria-pressed": String(i === state.character) }));
    family.value = face.family;
    for (const [name, box] of Object.entries(boxes)) {
      box.checked = face[name];
      box.disabled = !faces.some((other) => other.family === face.family && other[name] !== face[name]);
    }
    for (const [name, slider] of Object.entries(sliders)) slider.show(state[name]);
    Object.assign(root.dataset, {
      character: characters[state.character],
      face: face.name,
      factors: Object.keys(CONTROLS).map((name) => state[name].toFixed(4)).join(", "),
      changed: others,
      sum: image.values.reduce((sum, value) => sum + value, 0).toFixed(4),
    });
  };
  const update = onceAFrame(draw);
  const tell = onceAFrame(() => model.save_changes());

  const digits = characters.map((name, character) =>
    button(name, () => change({ character }), { class: "digit", "aria-label": `digit ${name}` }),
  );
  const families = [...new Set(faces.map((face) => face.family))];
  const options = families.map((name) => html("option", { value: name }, name));
  const choose = () =>
    change({ face: faceOf(faces, { family: family.value, bold: boxes.bold.checked, slanted: boxes.slanted.checked }) });
  const family = html("select", { onchange: choose, "aria-label": "Face" }, ...options);
  const boxes = Object.fromEntries(
    ["bold", "slanted"].map((name) => [name, html("input", { type: "checkbox", onchange: choose })]),
  );
  const sliders = Object.fromEntries(
    Object.entries(CONTROLS).map(([name, [label, step, format]]) => {
      const [min, max] = ranges[name];
      return [name, range(label, { min, max, step, format }, (value) => change({ [name]: value }))];
    }),
  );

  let held = null; // where the pointer was when it went down, and the shift at that time
  draggable(picture, (event, started) => {
    const box = picture.getBoundingClientRect();
    const [x, y] = [event.clientX, event.clientY].map((at) => (at / box.width) * place.side);
    if (started) held = { x, y, right: state.shift_x, down: state.shift_y };
    change({ shift_x: held.right + x - held.x, shift_y: held.down + y - held.y });
  });
  arrowKeys(picture, (right, up) => change({ shift_x: state.shift_x + right / 10, shift_y: state.shift_y - up / 10 }));
  picture.style.cursor = "move";

  const random = () => {
    const any = (list) => list[Math.floor(Math.random() * list.length)];
    const seen = faces.map((_, number) => number).filter((number) => !faces[number].held_out);
    const drawnOnes = Object.entries(ranges).map(([name, [low, high]]) => [name, low + Math.random() * (high - low)]);
    change({ character: any([...characters.keys()]), face: any(seen), ...Object.fromEntries(drawnOnes) });
  };
  model.on("change:value", () => {
    if (JSON.stringify(model.get("value")) === JSON.stringify(state)) return;
    state = model.get("value");
    update();
  });

  const check = (name) => html("label", { class: "check" }, boxes[name], name);
  const buttons = html("div", { class: "buttons" }, button("Draw one at random", random), button("Reset", () => change(data.start)));
  const caption = html("figcaption", {}, count, " of ", String(place.side ** 2), " pixels differ from the start");
  const left = html("div", { class: "left" }, html("figure", {}, picture, caption), note, buttons);
  const group = html("div", { class: "thumbs", role: "group", "aria-label": "Character" }, ...digits);
  const weights = html("div", { class: "buttons" }, check("bold"), check("slanted"));
  const right = html("div", { class: "side" }, family, weights, ...Object.values(sliders).map(({ element }) => element));
  root.append(html("p", { class: "help" }, "Each control is one number. Drag the glyph to shift it."));
  root.append(group, html("div", { class: "row" }, left, right));
  draw();
}

export default { render };
