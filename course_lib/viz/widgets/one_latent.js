// One latent number: prior, likelihood, posterior and a guess q on one axis, moved by hand, with the observation below
// them; and the ELBO and the divergence to the posterior, stacked up to log p(x).

import { arrowKeys, begin, button, draggable, html, onceAFrame, range, set, svg } from "./dom.js";
import { shipped } from "./data.js";
import * as latent from "./latent_number.js";
import { plane } from "./plane.js";

const POINTS = 400; // of a drawn curve
const BAR = { left: 14, right: 586, top: 4, height: 18 };

async function render({ model, el }) {
  const data = await shipped(model, el);
  const root = begin(el, "one-latent");
  const densities = plane({
    x: data.z,
    y: data.density,
    names: ["latent number z", "density"],
    label: "Prior, likelihood, posterior and your guess q over the latent number z",
    height: 240,
  });
  const decoder = plane({
    x: data.z,
    y: data.x,
    names: ["latent number z", "observation x"],
    label: "The decoder x = z squared, with its noise, and the observed x",
    height: 190,
  });
  const [xs, widths] = [data.x, data.widths];
  const within = (value, [low, high]) => Math.min(Math.max(value, low), high);
  const start = data.start;
  let state = model.get("value") ?? start; // x, q's mean, q's width

  const curve = (name) => svg("path", { class: name });
  const [prior, likelihood, posterior, q] = ["prior", "likelihood", "posterior", "q"].map(curve);
  const handle = (name, label) => {
    const element = svg("circle", { r: 8, class: `grab ${name}`, tabindex: 0, role: "application" });
    set(element, { "aria-label": `${label}: arrow keys move it` });
    return element;
  };
  const meanHandle = handle("mean", "q's mean");
  const widthHandle = handle("width", "q's width");
  const shoulder = svg("line", { class: "shoulder" });
  densities.content.append(posterior, prior, likelihood, q, shoulder, widthHandle, meanHandle);
  const noise = svg("path", { class: "noise" });
  const curveOfDecoder = svg("path", { class: "decoder" });
  const reached = svg("path", { class: "reached" });
  const seenLine = svg("line", { class: "seen" });
  const grip = svg("line", { class: "grip" });
  const seenHandle = handle("x", "the observation x");
  decoder.content.append(noise, curveOfDecoder, reached, seenLine, grip, seenHandle);

  const zs = Array.from({ length: POINTS + 1 }, (_, i) => data.z[0] + ((data.z[1] - data.z[0]) * i) / POINTS);
  const path = (area, points) => points.map((point, i) => `${i ? "L" : "M"} ${area.toScreen(point).join(" ")}`).join(" ");
  const draws = (area, over, f) => path(area, over.map((z) => [z, f(z)]));
  set(prior, { d: draws(densities, zs, (z) => Math.exp(latent.logNormal(z, 0, 1))) });
  set(curveOfDecoder, { d: draws(decoder, zs, latent.decode) });
  const edge = (sign, over) => over.map((z) => [z, latent.decode(z) + sign * data.noise]);
  set(noise, { d: `${path(decoder, [...edge(1, zs), ...edge(-1, [...zs].reverse())])} Z` });

  let seen = latent.observed(state[0], data.noise);
  const tell = onceAFrame(() => model.save_changes());
  const change = (x, mean, width) => {
    const next = [within(x, xs), within(mean, data.means), within(width, widths)];
    if (next[0] !== seen.x) seen = latent.observed(next[0], data.noise);
    state = next;
    update();
    model.set("value", state);
    tell();
  };
  const setX = (value) => change(value, state[1], state[2]);
  const setMean = (value) => change(state[0], value, state[2]);
  const setWidth = (value) => change(state[0], state[1], value);

  draggable(meanHandle, (event) => setMean(densities.fromEvent(event)[0]));
  draggable(widthHandle, (event) => setWidth(Math.abs(densities.fromEvent(event)[0] - state[1])));
  arrowKeys(meanHandle, (right, up) => setMean(state[1] + 0.05 * (right + up)));
  arrowKeys(widthHandle, (right, up) => setWidth(state[2] + 0.02 * (right + up)));
  for (const element of [grip, seenHandle]) draggable(element, (event) => setX(decoder.fromEvent(event)[1]));
  arrowKeys(seenHandle, (right, up) => setX(state[0] + 0.05 * (right + up)));

  const slider = (label, [min, max], step, changed) => range(label, { min, max, step }, changed);
  const sliders = [
    slider("Observation x", xs, 0.05, setX),
    slider("Mean of q", data.means, 0.02, setMean),
    slider("Width of q", widths, 0.01, setWidth),
  ];
  const climb = () => {
    const limits = { narrowest: widths[0], widest: widths[1] };
    change(state[0], ...latent.climbed(seen, state[1], state[2], limits));
  };
  const numbers = {};
  const row = (name, text, swatch = "") => {
    numbers[name] = html("td");
    return html("tr", {}, html("th", { scope: "row", class: swatch }, text), numbers[name]);
  };
  const key = html(
    "table",
    {},
    ...[
      ["prior p(z)", "key-prior"],
      ["likelihood p(x|z), scaled", "key-likelihood"],
      ["posterior p(z|x)", "key-posterior"],
      ["your guess q(z)", "key-q"],
    ].map(([text, name]) => html("tr", {}, html("th", { scope: "row", class: name, colspan: 2 }, text))),
    row("reconstruction", "reconstruction"),
    row("toPrior", "− KL(q ‖ prior)"),
    row("elbo", "= ELBO", "key-q"),
    row("kl", "+ KL(q ‖ posterior)", "key-kl"),
    row("evidence", "= log p(x)"),
  );
  const bar = svg("svg", { class: "bar stacked", viewBox: "0 0 600 42", role: "img" });
  set(bar, { "aria-label": "The ELBO and the divergence to the posterior, stacked up to log p(x)" });
  const [elboBar, klBar] = [svg("rect", { class: "elbo" }), svg("rect", { class: "kl" })];
  const [low, high] = data.nats;
  const onBar = (value) => BAR.left + ((within(value, data.nats) - low) / (high - low)) * (BAR.right - BAR.left);
  const mark = svg("line", { class: "mark", y1: 0, y2: 26 });
  const name = svg("text", { y: 17, class: "named" }, "log p(x)");
  const scale = svg("g", { class: "axes" });
  for (let value = low; value <= high; value += 2)
    scale.append(svg("text", { x: onBar(value), y: 39, "text-anchor": "middle" }, `${value}`.replace("-", "−")));
  scale.append(svg("text", { x: onBar(high) - 26, y: 39, "text-anchor": "middle" }, "nats"));
  const cut = svg("text", { x: BAR.left + 4, y: 17, class: "named" }, "◂ cut off");
  bar.append(elboBar, klBar, mark, name, cut, scale);
  const side = html(
    "div",
    { class: "side" },
    key,
    ...sliders.map(({ element }) => element),
    html("div", { class: "buttons" }, button("Climb", climb), button("Reset", () => change(...start))),
  );
  const help =
    "Drag q by its top (mean) or its shoulder (width), and the line of the observation x below. " +
    "“Climb” moves q to the top of the ELBO's hill on which it stands.";
  const planes = html("div", { class: "planes" }, densities.element, decoder.element);
  root.append(html("p", { class: "help" }, help), html("div", { class: "row" }, planes, side), bar);

  const draw = () => {
    const [x, mean, width] = state;
    const { reconstruction, toPrior, elbo, toPosterior } = latent.guessed(seen, mean, width);
    const ofQ = (z) => Math.exp(latent.logNormal(z, mean, width));
    const top = (z) => [z, Math.min(ofQ(z), 0.95 * data.density[1])]; // a handle stays in sight
    const tallest = Math.max(...zs.map((z) => latent.logNormal(x, latent.decode(z), data.noise)));
    const scaled = (z) => 0.9 * Math.exp(latent.logNormal(x, latent.decode(z), data.noise) - tallest);
    set(posterior, { d: `${draws(densities, zs, (z) => latent.posterior(seen, z))}` });
    set(likelihood, { d: draws(densities, zs, scaled) });
    set(q, { d: draws(densities, zs, ofQ) });
    const place = (element, area, point) => {
      const [cx, cy] = area.toScreen(area.inside(point));
      set(element, { cx, cy });
      return [cx, cy];
    };
    const side = mean + width <= data.z[1] ? mean + width : mean - width;
    const [x2, y2] = place(widthHandle, densities, top(side));
    place(meanHandle, densities, top(mean));
    const [x1] = densities.toScreen([mean, 0]);
    set(shoulder, { x1, x2, y1: y2, y2 });
    const covered = zs.filter((z) => Math.abs(z - mean) <= width);
    set(reached, { d: covered.length ? draws(decoder, covered, latent.decode) : "" });
    const [left, y] = decoder.toScreen([data.z[0], x]);
    const [right] = decoder.toScreen([data.z[1], x]);
    for (const element of [seenLine, grip]) set(element, { x1: left, x2: right, y1: y, y2: y });
    place(seenHandle, decoder, [data.z[1] - 0.25, x]);
    const [from, to] = [onBar(elbo), onBar(seen.evidence)];
    set(elboBar, { x: BAR.left, y: BAR.top, width: Math.max(0, from - BAR.left), height: BAR.height });
    set(klBar, { x: from, y: BAR.top, width: Math.max(0, to - from), height: BAR.height });
    set(mark, { x1: to, x2: to });
    set(name, { x: to + 7 });
    set(cut, { visibility: elbo < low ? "visible" : "hidden" }); // the bar's left end lies beyond the scale
    const signed = (value) => value.toFixed(2).replace("-", "−");
    numbers.reconstruction.textContent = signed(reconstruction);
    numbers.toPrior.textContent = toPrior.toFixed(2);
    numbers.elbo.textContent = signed(elbo);
    numbers.kl.textContent = toPosterior.toFixed(2);
    numbers.evidence.textContent = signed(seen.evidence);
    sliders.forEach((one, i) => one.show(state[i]));
    Object.assign(root.dataset, {
      x: x.toFixed(4),
      mean: mean.toFixed(4),
      width: width.toFixed(4),
      reconstruction: reconstruction.toFixed(4),
      toPrior: toPrior.toFixed(4),
      elbo: elbo.toFixed(4),
      kl: toPosterior.toFixed(4),
      evidence: seen.evidence.toFixed(4),
    });
  };
  const update = onceAFrame(draw);
  model.on("change:value", () => {
    const value = model.get("value");
    if (value.some((number, i) => number !== state[i])) change(...value);
  });
  draw();
}

export default { render };
