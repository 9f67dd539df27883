// The map of an autoencoder, which holds points, beside that of a VAE, which holds clouds: one point under one cross in
// both, and what the two decoders make of it. Both networks run here.

import { addCross } from "./pad.js";
import { apart } from "./cloud.js";
import { begin, button, html, onceAFrame, screen, set, svg } from "./dom.js";
import { covering, toNearest } from "./codes.js";
import { shipped } from "./data.js";
import { paint } from "./pictures.js";
import { plane, written } from "./plane.js";
import { run, vector } from "./nets.js";

const SIZE = 28;
const LABELS_APART = 28; // units of the drawing between the names of two classes
const ZOOM = 5; // screen pixels for each pixel of an image
const RADIUS = 2; // of a cloud, in standard deviations

function points(area, { codes, labels }) {
  const group = svg("g", { class: "scatter" });
  labels.values.forEach((label, i) => {
    const [cx, cy] = area.toScreen([codes.values[2 * i], codes.values[2 * i + 1]]);
    group.append(svg("circle", { cx, cy, r: 2.6, class: `class-${label}` }));
  });
  area.content.append(group);
  return group;
}

function clouds(area, { mu, sigma, labels, drawn }) {
  const group = svg("g", { class: "clouds" });
  const scale = area.toScreen([1, 0])[0] - area.toScreen([0, 0])[0];
  for (let i = 0; i < drawn; i++) {
    const [cx, cy] = area.toScreen([mu.values[2 * i], mu.values[2 * i + 1]]);
    const [rx, ry] = [0, 1].map((axis) => RADIUS * scale * sigma.values[2 * i + axis]);
    group.append(svg("ellipse", { cx, cy, rx, ry, class: `class-${labels.values[i]}` }));
  }
  area.content.append(group);
  return group;
}

// The key: the digit of each class at the median of its codes.
function names(area, { codes, labels }) {
  const digits = [...new Set(labels.values)].sort((a, b) => a - b);
  const medians = digits.map((digit) => {
    const median = [0, 1].map((axis) => {
      const mine = [];
      labels.values.forEach((other, i) => other === digit && mine.push(codes.values[2 * i + axis]));
      return mine.sort((a, b) => a - b)[Math.floor(mine.length / 2)];
    });
    return area.toScreen(median);
  });
  const group = svg("g", { class: "names" });
  apart(medians, LABELS_APART).forEach(([x, y], i) => {
    group.append(svg("text", { x, y: y + 8, class: `name class-${digits[i]}` }, String(digits[i])));
  });
  area.content.append(group);
}

async function render({ model, el }) {
  const data = await shipped(model, el);
  const root = begin(el, "two-maps");
  const makers = { autoencoder: "autoencoder", vae: "VAE" };
  const titles = { autoencoder: "Autoencoder: a point for each image", vae: "VAE: a cloud for each image" };
  const sides = Object.keys(makers).map((name) => {
    const label = `Map of the ${makers[name]}: drag to choose the point that is decoded`;
    const area = plane({ x: data.x, y: data.y, names: data.names, label });
    const picture = screen(SIZE, SIZE, ZOOM);
    const lines = html("p", { class: "lines" });
    return { name, area, picture, lines, map: data[name] };
  });
  const [, vae] = sides;
  for (const side of sides) side.dots = points(side.area, side.map);
  vae.clouds = clouds(vae.area, vae.map);
  for (const { area, map } of sides) names(area, map);

  let [point, shown, draws] = [data.start, true, 0];
  const draw = () => {
    for (const { name, map, picture, lines } of sides) {
      const image = run(map.decoder, vector(point));
      const nearest = toNearest(map.codes.values, point, map.units);
      paint(picture, image);
      set(picture, { "aria-label": `what the ${makers[name]} decodes at ${written(point)}` });
      root.dataset[`${name}Sum`] = image.values.reduce((sum, value) => sum + value, 0).toFixed(4);
      root.dataset[`${name}Nearest`] = nearest.toFixed(4);
      lines.textContent = `to the nearest code: ${nearest.toFixed(2)}`;
    }
    const count = covering(vae.map.mu.values, vae.map.sigma.values, point, RADIUS);
    const all = vae.map.labels.shape[0];
    vae.lines.append(html("br"), `in ${count} of ${all} clouds`);
    for (const cross of crosses) cross.show(point);
    set(vae.clouds, { visibility: shown ? "visible" : "hidden" });
    set(vae.dots, { visibility: shown ? "hidden" : "visible" });
    check.checked = shown;
    Object.assign(root.dataset, {
      point: written(point, 4),
      covering: count,
      clouds: shown ? "shown" : "hidden",
      draws,
    });
  };
  const update = onceAFrame(draw);
  const tell = onceAFrame(() => model.save_changes());
  const goTo = (to) => {
    point = to;
    update();
    model.set("value", point);
    tell();
  };
  const crosses = sides.map(({ area }) => addCross(area, { start: data.start, names: data.names, changed: goTo }));
  const show = (whether) => {
    shown = whether;
    update();
  };
  const check = html("input", { type: "checkbox", onchange: () => show(check.checked) });
  const next = () => {
    const [x, y] = [0, 1].map((axis) => data.draws.values[2 * (draws % data.draws.shape[0]) + axis]);
    draws += 1;
    goTo(vae.area.inside([x, y]));
  };
  const reset = () => {
    [shown, draws] = [true, 0];
    goTo(data.start);
  };
  model.on("change:value", () => {
    if (String(model.get("value")) === String(point)) return;
    point = model.get("value");
    update();
  });
  const column = ({ name, area, picture, lines }) =>
    html(
      "div",
      { class: `map ${name}` },
      html("p", { class: "title" }, titles[name]),
      area.element,
      html("div", { class: "under" }, picture, lines),
    );
  const help = "Drag over either map: the cross is at the same z in both, and each decoder draws its own picture of it.";
  root.append(html("p", { class: "help" }, help), html("div", { class: "row" }, ...sides.map(column)));
  root.append(
    html("div", { class: "grid" }, ...crosses[0].sliders),
    html(
      "div",
      { class: "buttons" },
      button("Draw z from N(0, I)", next),
      html("label", { class: "check" }, check, "clouds, to two standard deviations (else: one draw of each)"),
      button("Reset", reset),
    ),
  );
  draw();
}

export default { render };
