// The game on the ring, played here: real points, the generator's, what the discriminator sees and where it pushes. Play,
// or take single turns; settings act at once, and each real mode can be dragged.

import { arrowKeys, begin, button, draggable, html, onceAFrame, range, set, svg } from "./dom.js";
import { shipped } from "./data.js";
import * as game from "./game.js";
import { random } from "./players.js";
import { arrowsOn, fieldOn, gridOn, modesStrip, paints, pointsOn } from "./ring_drawing.js";
import { plane, written } from "./plane.js";

const [REAL, FAKE, JUDGED] = [240, 128, 500]; // points that are drawn, and that are counted
const COVERED = 5; // points of these 500 that a mode needs
const BUDGET = 11; // milliseconds of a frame for turns
const HISTORY = 400; // moments that are kept

async function render({ model, el }) {
  const data = await shipped(model, el);
  const root = begin(el, "ring-game");
  const area = plane({ ...data, label: "The plane with real and generated points, and the discriminator's view" });
  const canvas = html("canvas", { width: 748, height: 752, "aria-hidden": "true" });
  area.element.prepend(canvas);
  const paint = paints(canvas, area);
  const ring = () => data.centers.map((center) => [...center]);
  const still = random(1_000_003); // what is drawn and counted has the same noise at all times
  const [shownNoise, judgedNoise, realNoise] = [FAKE, JUDGED, REAL].map((count) => game.noise(count, still));

  let [settings, centers, seed, warped] = [{ ...data.start }, ring(), data.seed, false];
  let [now, history, owed, playing, last] = [null, [], 0, false, 0];
  const restart = (from = seed) => {
    seed = from;
    [now, history, owed] = [game.newGame(seed, data.hidden), [], 0];
  };
  const rules = () => ({
    ...settings,
    beta1: settings.momentum,
    criticSteps: settings.critic_steps,
    rate: data.rate,
    batch: data.batch,
  });

  // turns
  const realBatch = () => game.drawn(data.batch, centers, settings.std, now.numbers);
  const noiseBatch = () => game.noise(data.batch, now.numbers);
  const turns = {
    D: () => game.turnOfD(now, realBatch(), noiseBatch(), rules()),
    G: () => game.turnOfG(now, noiseBatch(), rules()),
    both: () => game.turn(now, centers, settings.std, rules()),
  };
  const single = (name) => () => {
    if (playing) toggle();
    turns[name]();
    update();
    tell();
  };
  const loop = (time) => {
    if (!playing || !root.isConnected) return;
    owed = Math.min(owed + (settings.speed * Math.min(time - last, 100)) / 1000, 50);
    last = time;
    const started = performance.now();
    while (owed >= 1 && performance.now() - started < BUDGET) {
      turns.both();
      owed -= 1;
    }
    draw();
    requestAnimationFrame(loop);
  };
  const toggle = () => {
    playing = !playing;
    [last, owed] = [performance.now(), 0];
    if (playing) requestAnimationFrame(loop);
    update();
    if (!playing) tell();
  };

  // what the learner chose, and how the game stands
  const tell = onceAFrame(() => {
    const { modes, good } = counted();
    const chosen = Object.fromEntries(data.told.map((name) => [name, settings[name]]));
    model.set("value", { ...chosen, seed, step: now.turnsOfG, modes, good });
    model.save_changes();
  });
  const change = (changes) => {
    settings = { ...settings, ...changes };
    update();
    tell();
  };

  // controls
  const play = button("Play", toggle);
  const steps = [
    ["D", "D", "One turn of the discriminator"],
    ["G", "G", "One turn of the generator"],
    ["both", "both", "One turn of both"],
  ].map(([name, text, label]) => button(text, single(name), { "aria-label": label }));
  const fresh = (from) => () => {
    restart(from());
    update();
    tell();
  };
  const anew = button("New", fresh(() => seed + 1), { "aria-label": "New start", title: "other weights, other noise" });
  const reset = () => {
    [settings, centers] = [{ ...data.start, speed: settings.speed }, ring()];
    fresh(() => data.seed)();
  };
  const sliders = Object.fromEntries(
    [
      ["speed", "Speed: turns a second", { min: 5, max: 240, step: 5, format: String }],
      ["gamma", "R1 strength γ", { min: 0, max: 2, step: 0.05 }],
      ["momentum", "Momentum β₁", { min: 0, max: 0.9, step: 0.05 }],
      ["critic_steps", "Turns of D for one of G", { min: 0, max: 5, step: 1, format: String }],
      ["std", "Width of each mode", { min: 0.02, max: 0.2, step: 0.01 }],
    ].map(([name, label, limits]) => [name, range(label, limits, (value) => change({ [name]: value }))]),
  );
  const loss = html(
    "select",
    { onchange: () => change({ saturating: loss.value === "saturating" }) },
    html("option", { value: "plain" }, "−log D"),
    html("option", { value: "saturating" }, "log(1 − D)"),
  );
  const check = (text, onchange) => {
    const input = html("input", { type: "checkbox", onchange: () => onchange(input.checked) });
    return { input, element: html("label", { class: "check" }, input, text) };
  };
  const detach = check("detach: D's loss leaves G alone", (checked) => change({ detach: checked }));
  const grid = check("G as a warped grid", (checked) => {
    warped = checked;
    update();
  });
  const cost = html("p", { class: "cost" });
  const cells = {};
  const row = (name, text) => {
    cells[name] = html("td");
    return html("tr", {}, html("th", { scope: "row" }, text), cells[name]);
  };
  const table = html("table", {}, row("turns", "turns of G"), row("loss", "D's loss"), row("modes", "modes covered"));
  table.append(row("good", "good points"));
  const strip = modesStrip(data.centers.length);
  const side = html(
    "div",
    { class: "side" },
    html("div", { class: "buttons" }, play, button("Reset", reset), anew),
    html("div", {}, "One turn of", html("div", { class: "buttons" }, ...steps)),
    table,
    strip.element,
    detach.element,
    cost,
    grid.element,
  );
  const key = html(
    "p",
    { class: "key" },
    html("span", { class: "real" }, "● real"),
    html("span", { class: "fake" }, "▲ generated, and its push"),
    html("span", { class: "scale" }, html("span", {}, "D: generated"), html("i"), html("span", {}, "real")),
  );
  const more = html("div", { class: "grid" }, ...Object.values(sliders).map(({ element }) => element));
  more.append(html("label", { class: "choice" }, "Loss of G", loss));
  root.append(html("div", { class: "row" }, area.element, side), key, more);

  // the modes, to be dragged
  const handles = centers.map((_, k) => {
    const handle = svg("circle", { class: "mode", tabindex: 0, role: "application" });
    set(handle, { "aria-label": `Real mode ${k + 1}: arrow keys move it` });
    const move = (to) => {
      centers[k] = area.inside(to);
      update();
    };
    draggable(handle, (event) => move(area.fromEvent(event)));
    arrowKeys(handle, (right, up) => move([centers[k][0] + 0.05 * right, centers[k][1] + 0.05 * up]));
    return handle;
  });
  area.content.append(...handles);
  const unit = area.toScreen([1, 0])[0] - area.toScreen([0, 0])[0];

  const counted = () => {
    const counts = game.coverage(game.generated(now, judgedNoise), centers, settings.std);
    const good = counts.reduce((sum, count) => sum + count, 0) / JUDGED;
    return { modes: counts.filter((count) => count >= COVERED).length, good };
  };
  const remember = (modes) => {
    if (history.length && history.at(-1)[0] === now.turnsOfG) history.pop();
    history.push([now.turnsOfG, modes]);
    if (history.length > HISTORY) history = history.filter((_, i) => i % 2 === 0);
  };
  const draw = () => {
    const fake = game.generated(now, shownNoise);
    const real = realNoise.map((eps, i) => centers[(i >> 1) % centers.length][i % 2] + settings.std * eps);
    const pushes = game.push(now, fake, settings);
    const { modes, good } = counted();
    remember(modes);
    paint.begin();
    fieldOn(paint, (points) => game.judged(now, points));
    if (warped) gridOn(paint, (z) => game.generated(now, z));
    pointsOn(paint, real, "real");
    pointsOn(paint, fake, "fake");
    arrowsOn(paint, fake, pushes);
    handles.forEach((handle, k) => {
      const [cx, cy] = area.toScreen(centers[k]);
      set(handle, { cx, cy, r: Math.max(9, 3 * settings.std * unit) });
    });
    strip.show(history);
    play.textContent = playing ? "Pause" : "Play";
    cells.turns.textContent = now.turnsOfG;
    cells.loss.textContent = now.turnsOfD ? now.lossOfD.toFixed(2) : "–";
    cells.modes.textContent = `${modes} of ${centers.length}`;
    cells.good.textContent = `${Math.round(100 * good)} %`;
    cost.textContent = settings.detach
      ? "Each turn teaches one player."
      : "Nothing clears what D's loss leaves in G: D − 1 and D add up, it learns from 2D − 1.";
    for (const [name, slider] of Object.entries(sliders)) slider.show(settings[name]);
    loss.value = settings.saturating ? "saturating" : "plain";
    [detach.input.checked, grid.input.checked] = [settings.detach, warped];
    for (const name of [...data.told, "speed"]) root.dataset[name] = settings[name];
    Object.assign(root.dataset, {
      seed,
      playing,
      turnsOfG: now.turnsOfG,
      turnsOfD: now.turnsOfD,
      lossOfD: now.lossOfD.toFixed(4),
      modes,
      good: good.toFixed(3),
      grid: warped ? "shown" : "hidden",
      first: written([...fake.subarray(0, 2)], 4),
      centers: centers.map((center) => written(center, 3)).join(", "),
      push: (pushes.reduce((sum, p) => sum + Math.abs(p), 0) / FAKE).toFixed(4),
    });
  };
  const update = onceAFrame(draw);
  model.on("change:value", () => {
    const given = model.get("value");
    const changed = data.told.filter((name) => name in given && given[name] !== settings[name]);
    if (!changed.length) return;
    for (const name of changed) settings[name] = given[name];
    update();
  });
  restart();
  draw();
}

export default { render };
