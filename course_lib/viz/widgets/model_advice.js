// Which model? Needs leave models out, weights rank the rest over the course's table, and the numbers behind stand below.

import { begin, button, html, onceAFrame, range, set, svg } from "./dom.js";
import { shipped } from "./data.js";
import * as advice from "./advice.js";

const WORDS = ["–", "a little", "much", "most"];
const [LABEL, BAR, ROW] = [170, 380, 25]; // where bars begin, how long a score of 1 is, and the height of a row

async function render({ model, el }) {
  const data = await shipped(model, el);
  const root = begin(el, "model-advice");
  const known = new Set(data.measures.map(({ name }) => name));
  const taken = ({ weights, needs }) => ({
    weights: Object.fromEntries(Object.entries(weights).filter(([name]) => known.has(name))),
    needs: [...needs],
  });
  let state = taken(model.get("value") ?? data.start);
  const labels = Object.fromEntries(data.models.map(({ name, label }) => [name, label]));
  const tell = onceAFrame(() => model.save_changes());
  const change = (next) => {
    state = taken(next);
    update();
    model.set("value", state);
    tell();
  };

  const sliders = data.measures.map(({ name, label }) => {
    const limits = { min: 0, max: 3, step: 1, format: (value) => WORDS[value] };
    return range(label, limits, (value) => change({ ...state, weights: { ...state.weights, [name]: value } }));
  });
  const boxes = Object.entries(data.needs).map(([name, text]) => {
    const input = html("input", { type: "checkbox" });
    set(input, {
      onchange: () => change({ ...state, needs: Object.keys(data.needs).filter((n) => (n === name ? input.checked : state.needs.includes(n))) }),
    });
    return { name, input, element: html("label", { class: "check" }, input, text) };
  });
  const presets = Object.entries(data.presets).map(([name, preset]) => button(name, () => change(preset)));
  const drawing = svg("svg", { class: "bars", role: "img" });
  const verdict = html("p", { class: "verdict", role: "status" });
  const table = html("table");
  root.append(
    html("p", { class: "help" }, "What do you need, and how much of it? The best of the table comes first."),
    html("div", { class: "buttons" }, ...presets, button("Reset", () => change(data.start))),
    html("div", { class: "needs" }, html("span", {}, "It must have"), ...boxes.map(({ element }) => element)),
    html("div", { class: "grid" }, ...sliders.map(({ element }) => element)),
    drawing,
    verdict,
    html("div", { class: "numbers" }, table),
  );

  const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const number = (value, { factor, digits }) => (value * factor).toFixed(digits);
  const sentence = (order, asked) => {
    if (!asked.length) return "Give a weight to something: without one there is nothing to rank by.";
    if (!order.length) return "No model of the table has all that you need.";
    const [first, ...others] = order;
    const close = advice.tied(order).map(({ name }) => labels[name]);
    if (!others.length) return `Only the ${labels[first.name]} has what you need.`;
    if (close.length) return `Take the ${labels[first.name]}, or ${close.join(", ")}: the seeds don't decide between them.`;
    return `Take the ${labels[first.name]}: its worst seeds are ahead of the others' best.`;
  };
  const draw = () => {
    const order = advice.ranked(data.models, data.measures, state.weights, state.needs);
    const asked = data.measures.filter(({ name }) => state.weights[name]);
    const byName = Object.fromEntries(data.models.map((m) => [m.name, m]));
    set(drawing, { viewBox: `0 0 600 ${ROW * data.models.length + 4}` });
    set(drawing, { "aria-label": order.map(({ name, score }) => `${labels[name]} ${score.toFixed(2)}`).join(", ") });
    drawing.replaceChildren(
      ...order.flatMap(({ name, score, low, high }, i) => {
        const y = ROW * i + ROW / 2 + 2;
        return [
          svg("text", { x: LABEL - 8, y: y + 4, "text-anchor": "end" }, labels[name]),
          svg("rect", { x: LABEL, y: y - 8, width: BAR * score, height: 16, style: `fill: ${byName[name].color}` }),
          svg("line", { x1: LABEL + BAR * low, x2: LABEL + BAR * high, y1: y, y2: y }),
          svg("text", { x: LABEL + BAR + 46, y: y + 4, "text-anchor": "end" }, score.toFixed(2)),
        ];
      }),
    );
    verdict.textContent = sentence(order, asked);
    const head = html("tr", {}, html("th", { scope: "col" }, "mean (seeds from–to)"), ...asked.map(({ head: text }) => html("th", { scope: "col" }, text)));
    const rows = order.map(({ name }) => {
      const cells = asked.map((measure) => {
        const values = byName[name].values[measure.name];
        if (!values) return html("td", {}, "can't");
        const [low, high] = [Math.min(...values), Math.max(...values)].map((value) => number(value, measure));
        return html("td", {}, number(average(values), measure), html("small", {}, `${low}–${high}`));
      });
      return html("tr", {}, html("th", { scope: "row" }, labels[name]), ...cells);
    });
    table.replaceChildren(head, ...rows);
    data.measures.forEach(({ name }, i) => sliders[i].show(state.weights[name] ?? 0));
    for (const { name, input } of boxes) input.checked = state.needs.includes(name);
    Object.assign(root.dataset, {
      order: order.map(({ name }) => name).join(" "),
      scores: order.map(({ score }) => score.toFixed(4)).join(", "),
      weights: asked.map(({ name }) => `${name} ${state.weights[name]}`).join(", "),
      needs: state.needs.join(" "),
      close: order.length && asked.length ? advice.tied(order).map(({ name }) => name).join(" ") : "",
    });
  };
  const update = onceAFrame(draw);
  model.on("change:value", () => {
    const value = taken(model.get("value"));
    if (JSON.stringify(value) === JSON.stringify(state)) return;
    state = value;
    update();
  });
  draw();
}

export default { render };
