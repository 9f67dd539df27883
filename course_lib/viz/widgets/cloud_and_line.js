// A cloud of points and a line through its mean: what the line keeps of the cloud, what it loses, and which line loses
// least. Points and line can be moved, and two handles stretch, turn and shear the whole cloud.

import { arrowKeys, begin, button, draggable, html, onceAFrame, range, set, svg } from "./dom.js";
import { shipped } from "./data.js";
import { plane, written } from "./plane.js";
import * as cloud from "./cloud.js";

const DEGREE = Math.PI / 180;
const REACH = 12; // of a drawn line to each side, beyond every edge
const HANDLE = 2.4; // where the cloud's handles stand, in units of the arrows they move
const LINE_HANDLE = 3.4; // and the line's, from the mean

const folded = (degrees) => degrees - 180 * Math.round(degrees / 180); // a line is the same after half a turn

async function render({ model, el }) {
  const data = await shipped(model, el);
  const root = begin(el, "cloud-and-line");
  const area = plane({ ...data, label: "A cloud of points with a line through its mean" });
  const atStart = () => ({
    angle: data.angle, // of the reader's line, in degrees
    arrows: data.arrows.map((arrow) => [...arrow]),
    nudges: data.points.map(() => [0, 0]), // of single points
    chosen: data.chosen,
  });
  let state = { ...atStart(), answer: false };

  const segments = data.points.map(() => svg("line", { class: "loss" }));
  const best = svg("line", { class: "best" });
  const line = svg("line", { class: "line" });
  const grip = svg("line", { class: "grip" });
  const turn = svg("circle", { r: 9, class: "turn", tabindex: 0, role: "application" });
  const dots = data.points.map(() => svg("circle", { class: "dot" }));
  const shafts = state.arrows.map(() => svg("line", { class: "shaft" }));
  const handles = state.arrows.map((_, i) =>
    svg("path", { d: "M 0 -9 L 9 0 L 0 9 L -9 0 Z", class: "handle", tabindex: 0, role: "application" }),
  );
  set(turn, { "aria-label": "Turn your line: arrow keys, one degree each" });
  handles.forEach((handle, i) => set(handle, { "aria-label": `Handle ${i + 1} of the cloud: arrow keys move it` }));
  area.content.append(...segments, ...shafts, best, line, grip, ...dots, ...handles, turn);

  const change = (changes) => {
    state = { ...state, ...changes };
    update();
  };
  const points = () =>
    data.points.map((point, i) => {
      const [x, y] = cloud.combine(point, ...state.arrows);
      return [x + state.nudges[i][0], y + state.nudges[i][1]];
    });
  const replaced = (list, i, item) => list.map((old, j) => (j === i ? item : old));
  const movePoint = (i, to) => {
    const [x, y] = cloud.combine(data.points[i], ...state.arrows);
    change({ chosen: i, nudges: replaced(state.nudges, i, [to[0] - x, to[1] - y]) });
  };
  const moveHandle = (i, to) => {
    const arrow = area.inside(to).map((value) => value / HANDLE);
    change({ arrows: replaced(state.arrows, i, arrow) });
  };
  const turnTo = (degrees) => {
    change({ angle: folded(degrees) });
    model.set("value", state.angle);
    tell();
  };
  const tell = onceAFrame(() => model.save_changes());

  const towards = (event) => {
    const [x, y] = area.fromEvent(event);
    const [mx, my] = cloud.mean(points());
    if (Math.hypot(x - mx, y - my) > 0.1) turnTo(Math.atan2(y - my, x - mx) / DEGREE);
  };
  draggable(turn, towards);
  draggable(grip, towards);
  arrowKeys(turn, (right, up) => turnTo(state.angle - right + up));
  handles.forEach((handle, i) => {
    draggable(handle, (event) => moveHandle(i, area.fromEvent(event)));
    arrowKeys(handle, (right, up) => {
      const [x, y] = state.arrows[i];
      moveHandle(i, [HANDLE * x + 0.1 * right, HANDLE * y + 0.1 * up]);
    });
  });
  dots.forEach((dot, i) => draggable(dot, (event) => movePoint(i, area.fromEvent(event))));

  const signed = (value) => `${value.toFixed(0)}°`;
  const angle = range("Angle of your line", { min: -90, max: 90, step: 1, format: signed }, turnTo);
  const last = data.points.length;
  const choose = range("Marked point", { min: 1, max: last, step: 1, format: String }, (i) =>
    change({ chosen: i - 1 }),
  );
  const shape = [0, 1].flatMap((i) =>
    [0, 1].map((axis) => {
      const [min, max] = [area.x, area.y][axis];
      const label = `Handle ${i + 1}, ${data.names[axis]}`;
      return range(label, { min, max, step: 0.1, format: (value) => value.toFixed(1) }, (value) => {
        const to = state.arrows[i].map((old) => HANDLE * old);
        moveHandle(i, replaced(to, axis, value));
      });
    }),
  );
  const answer = html("input", { type: "checkbox", onchange: () => change({ answer: answer.checked }) });
  const reset = button("Reset", () => {
    change({ ...atStart(), answer: false });
    turnTo(data.angle);
  });
  const bar = svg("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
  const keptBar = svg("rect", { class: "kept", y: 0, height: 10, x: 0 });
  const lostBar = svg("rect", { class: "lost", y: 0, height: 10 });
  const leastMark = svg("rect", { class: "least", y: 0, height: 10, width: 1.2 });
  bar.append(keptBar, lostBar, leastMark);
  const numbers = {};
  const row = (name, text, swatch = "") => {
    numbers[name] = html("td");
    return html("tr", {}, html("th", { scope: "row", class: swatch }, text), numbers[name]);
  };
  const table = html(
    "table",
    {},
    row("spread", "Squared distances to the mean, all points"),
    row("kept", "kept along your line", "kept"),
    row("lost", "left over by your line", "lost"),
    row("least", "left over by the best line", "least"),
    row("marked", "left over of the marked point", "marked"),
  );
  const side = html(
    "div",
    { class: "side" },
    table,
    bar,
    angle.element,
    choose.element,
    html("label", { class: "check" }, answer, "Show the best line"),
    reset,
  );
  const more = html("details", {}, html("summary", {}, "The cloud's handles as numbers"));
  more.append(html("div", { class: "grid" }, ...shape.map(({ element }) => element)));
  const help = "Drag the white ring to turn the line, a point, or one of the two diamonds, which stretch and shear the cloud.";
  root.append(html("p", { class: "help" }, help), html("div", { class: "row" }, area.element, side), more);

  const draw = () => {
    const now = points();
    const middle = cloud.mean(now);
    const bestAngle = cloud.principalAngle(cloud.covariance(now));
    const lost = cloud.losses(now, state.angle * DEGREE);
    const [lostSum, leastSum] = [cloud.sum(lost), cloud.sum(cloud.losses(now, bestAngle))];
    const spread = cloud.sum(now.map((point) => cloud.squaredDistance(point, middle)));
    const along = (radians, length) => cloud.combine([length, 0], [Math.cos(radians), Math.sin(radians)], [0, 0]);
    const ends = (element, from, to) => {
      const [[x1, y1], [x2, y2]] = [area.toScreen(from), area.toScreen(to)];
      set(element, { x1, y1, x2, y2 });
    };
    const through = (element, radians) => {
      const [dx, dy] = along(radians, REACH);
      ends(element, [middle[0] - dx, middle[1] - dy], [middle[0] + dx, middle[1] + dy]);
    };
    const place = (element, point) => set(element, { transform: `translate(${area.toScreen(point).join(" ")})` });
    through(line, state.angle * DEGREE);
    through(grip, state.angle * DEGREE);
    through(best, bestAngle);
    best.style.display = state.answer ? "" : "none";
    leastMark.style.display = state.answer ? "" : "none";
    const [hx, hy] = along(state.angle * DEGREE, LINE_HANDLE);
    place(turn, area.inside([middle[0] + hx, middle[1] + hy]));
    now.forEach((point, i) => {
      ends(segments[i], point, cloud.project(point, middle, state.angle * DEGREE));
      place(dots[i], point);
      segments[i].classList.toggle("chosen", i === state.chosen);
      dots[i].classList.toggle("chosen", i === state.chosen);
      set(dots[i], { r: i === state.chosen ? 7 : 5 });
    });
    state.arrows.forEach((arrow, i) => {
      const end = arrow.map((value) => HANDLE * value);
      ends(shafts[i], [0, 0], end);
      place(handles[i], end);
      shape[2 * i].show(end[0]);
      shape[2 * i + 1].show(end[1]);
    });
    const share = spread > 0 ? lostSum / spread : 0;
    set(keptBar, { width: 100 * (1 - share) });
    set(lostBar, { x: 100 * (1 - share), width: 100 * share });
    set(leastMark, { x: spread > 0 ? 100 * (1 - leastSum / spread) : 100 });
    numbers.spread.textContent = spread.toFixed(1);
    numbers.kept.textContent = (spread - lostSum).toFixed(1);
    numbers.lost.textContent = lostSum.toFixed(1);
    numbers.least.textContent = state.answer ? leastSum.toFixed(1) : "?";
    numbers.marked.textContent = lost[state.chosen].toFixed(2);
    angle.show(state.angle);
    choose.show(state.chosen + 1);
    answer.checked = state.answer;
    Object.assign(root.dataset, {
      angle: state.angle.toFixed(4),
      bestAngle: (bestAngle / DEGREE).toFixed(4),
      spread: spread.toFixed(4),
      lost: lostSum.toFixed(4),
      least: leastSum.toFixed(4),
      chosen: state.chosen,
      chosenLost: lost[state.chosen].toFixed(4),
      mean: written(middle, 4),
      answer: state.answer ? "shown" : "hidden",
    });
  };
  const update = onceAFrame(draw);
  model.on("change:value", () => {
    if (model.get("value") !== state.angle) change({ angle: model.get("value") });
  });
  draw();
}

export default { render };
