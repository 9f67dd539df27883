// The numbers of a code, a slider each, and what a trained decoder makes of them; several networks, several images to
// start from. The decoders run here.

import { begin, button, html, onceAFrame, range, screen, set } from "./dom.js";
import { shipped } from "./data.js";
import { run, vector } from "./nets.js";
import { paint } from "./pictures.js";
import { written } from "./plane.js";

const SIZE = 28;
const ZOOM = 6; // screen pixels for each pixel of an image

// Row `index` of a matrix {values, shape}, as numbers.
export function row({ values, shape }, index) {
  return Array.from(values.subarray(index * shape[1], (index + 1) * shape[1]));
}

async function render({ model, el }) {
  const data = await shipped(model, el);
  const root = begin(el, "traversal");
  const { networks, images, limit } = data;
  const size = networks[0].codes.shape[1];
  const pixels = SIZE * SIZE;
  let state = model.get("value");

  const original = screen(SIZE, SIZE, ZOOM, { "aria-label": "the image that the code came from" });
  const decoded = screen(SIZE, SIZE, ZOOM);
  const told = html("output", { class: "told" });
  const startOf = (network, image) => row(networks[network].codes, image).map((v) => Math.min(Math.max(v, -limit), limit));
  const change = (changes) => {
    state = { ...state, ...changes };
    update();
    model.set("value", state);
    tell();
  };
  const tell = onceAFrame(() => model.save_changes());
  const sliders = Array.from({ length: size }, (_, i) => {
    const slider = range(`z${i + 1}`, { min: -limit, max: limit, step: 0.05 }, (value) =>
      change({ z: state.z.map((old, j) => (j === i ? value : old)) }),
    );
    const rate = html("span", { class: "rate" });
    slider.element.classList.add("number");
    slider.element.append(rate);
    return { ...slider, rate };
  });
  const options = networks.map(({ label }, value) => html("option", { value }, label));
  const choose = () => {
    const network = Number(select.value);
    change({ network, z: startOf(network, state.image) });
  };
  const select = html("select", { "aria-label": "Network", onchange: choose }, ...options);
  const another = () => {
    const image = (state.image + 1) % images.shape[0];
    change({ image, z: startOf(state.network, image) });
  };
  const backToImage = () => change({ z: startOf(state.network, state.image) });
  const reset = () => change({ network: data.start.network, image: data.start.image, z: startOf(data.start.network, data.start.image) });

  const draw = () => {
    const network = networks[state.network];
    const image = run(network.decoder, vector(state.z));
    paint(decoded, image);
    paint(original, { values: images.values.subarray(state.image * pixels, (state.image + 1) * pixels), shape: [1, SIZE, SIZE] });
    set(decoded, { "aria-label": `what the ${network.label} decodes` });
    select.value = state.network;
    sliders.forEach((slider, i) => {
      slider.show(state.z[i]);
      slider.rate.textContent = `${network.rates[i].toFixed(1)} nats`;
      slider.element.classList.toggle("unused", network.rates[i] < 0.1);
    });
    told.textContent = `rate ${network.rates.reduce((a, b) => a + b, 0).toFixed(1)} nats in all`;
    Object.assign(root.dataset, {
      network: state.network,
      image: state.image,
      z: written(state.z, 4),
      sum: image.values.reduce((sum, value) => sum + value, 0).toFixed(4),
    });
  };
  const update = onceAFrame(draw);
  model.on("change:value", () => {
    if (JSON.stringify(model.get("value")) === JSON.stringify(state)) return;
    state = model.get("value");
    update();
  });
  const figure = (canvas, text) => html("figure", {}, canvas, html("figcaption", {}, text));
  const help = "Each slider is one number of the code; beside it, how many nats it costs on average. Which one does what?";
  root.append(
    html("p", { class: "help" }, help),
    html("div", { class: "buttons" }, select, told),
    html("div", { class: "row" }, figure(original, "the image"), figure(decoded, "its code, decoded")),
    html("div", { class: "grid" }, ...sliders.map(({ element }) => element)),
    html("div", { class: "buttons" }, button("Another image", another), button("This image's code", backToImage), button("Reset", reset)),
  );
  draw();
}

export default { render };
