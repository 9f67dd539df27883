// A 2-D pad: a point of the plane, moved by pointer, touch, arrow keys or two sliders. With a kernel, Python may draw a
// picture for it; the newest point wins, and a picture that has been overtaken isn't shown.

import { begin, arrowKeys, button, draggable, html, onceAFrame, range, set, svg } from "./dom.js";
import { shipped } from "./data.js";
import { plane, written } from "./plane.js";

// A cross in `area` (made by plane()) and its two sliders. Returns {sliders, reset, show(point)}; `changed(point)` is
// called for each move.
export function addCross(area, { start, names, changed }) {
  const cross = svg("path", { d: "M -11 0 H 11 M 0 -11 V 11", class: "cross" });
  const halo = svg("path", { d: "M -11 0 H 11 M 0 -11 V 11", class: "halo" });
  const marker = svg("g", { class: "marker" }, halo, cross);
  area.content.append(marker);
  let point = start;
  const move = (to) => {
    point = area.inside(to);
    changed(point);
  };
  set(area.drawing, { tabindex: 0, role: "application", "aria-roledescription": "2-D pad" });
  const steps = [area.x, area.y].map(([low, high]) => (high - low) / 100);
  draggable(area.drawing, (event) => move(area.fromEvent(event)));
  arrowKeys(area.drawing, (right, up) => move([point[0] + right * steps[0], point[1] + up * steps[1]]));
  const sliders = [area.x, area.y].map(([min, max], i) =>
    range(names[i], { min, max, step: 10 ** Math.floor(Math.log10((max - min) / 100)) }, (value) => move(i ? [point[0], value] : [value, point[1]])),
  );
  const show = (shown) => {
    point = shown;
    set(marker, { transform: `translate(${area.toScreen(point).join(" ")})` });
    sliders.forEach((slider, i) => slider.show(point[i]));
  };
  show(start);
  return { sliders: sliders.map(({ element }) => element), reset: button("Reset", () => move(start)), show };
}

async function render({ model, el }) {
  const data = await shipped(model, el);
  const root = begin(el, "pad");
  const area = plane(data);
  let point = model.get("value") ?? data.start;
  const update = onceAFrame(() => {
    cross.show(point);
    root.dataset.point = written(point, 4);
  });
  const changed = (to) => {
    point = to;
    update();
    model.set("value", point);
    tell();
  };
  // ipywidgets holds changes back while the kernel is busy with one, and then sends the last
  const tell = onceAFrame(() => model.save_changes());
  const cross = addCross(area, { start: data.start, names: data.names, changed });
  const picture = html("img", { alt: "", draggable: "false" });
  const note = html("p", { role: "status" });
  const show = ({ at, png, error }) => {
    if (png) set(picture, { src: `data:image/png;base64,${png}`, alt: `picture at ${written(at)}` });
    note.textContent = error ?? "";
    root.dataset.pictureAt = written(at, 4);
    root.dataset.pictures = Number(root.dataset.pictures ?? 0) + 1;
  };
  model.on("msg:custom", (message) => message.kind === "picture" && show(message));
  model.on("change:value", () => {
    point = model.get("value");
    update();
  });
  const side = html("div", { class: "side" }, ...cross.sliders, cross.reset);
  root.append(html("div", { class: "row" }, area.element, side));
  if (data.picture) {
    (data.beside ? side : root).append(picture, note); // a figure is too wide for the side
    show(data.picture);
  }
  cross.show(point);
  root.dataset.point = written(point, 4);
}

export default { render };
