// The frames of a recorded run: played, paused, stepped through, or found by a slider.

import { begin, button, html, range, set } from "./dom.js";
import { shipped } from "./data.js";

async function render({ model, el }) {
  const { frames, labels, frames_per_second: rate } = await shipped(model, el);
  const root = begin(el, "scrubber");
  const last = frames.length - 1;
  const picture = html("img", { draggable: "false" });
  let timer = null;

  const pause = () => {
    clearInterval(timer);
    timer = null;
    show(frame);
  };
  const play = () => {
    if (frame === last) show(0);
    timer = setInterval(() => (frame < last ? show(frame + 1) : pause()), 1000 / rate);
    show(frame);
  };
  const go = (to) => {
    pause();
    show(Math.min(Math.max(to, 0), last));
    model.set("value", frame);
    model.save_changes();
  };
  const toggle = button("Play", () => (timer === null ? play() : pause()), { class: "wide" });
  const back = button("◀", () => go(frame - 1), { "aria-label": "one frame back" });
  const forward = button("▶", () => go(frame + 1), { "aria-label": "one frame forward" });
  const slider = range("Frame", { min: 0, max: last, step: 1, format: (i) => labels[i] }, go);
  let frame = Math.min(model.get("value") ?? 0, last);
  const show = (to) => {
    frame = to;
    set(picture, { src: `data:image/png;base64,${frames[frame]}`, alt: labels[frame] });
    slider.show(frame);
    toggle.textContent = timer === null ? "Play" : "Pause";
    back.disabled = frame === 0;
    forward.disabled = frame === last;
    root.dataset.frame = frame;
    root.dataset.playing = timer !== null;
  };
  model.on("change:value", () => model.get("value") !== frame && show(model.get("value")));
  root.append(picture);
  root.append(html("div", { class: "buttons" }, toggle, back, forward, button("Reset", () => go(0))), slider.element);
  show(frame);
  return () => clearInterval(timer);
}

export default { render };
