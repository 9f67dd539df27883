// Two weights of a VAE-GAN, a slider each, over networks that were trained with them: reconstructions of test images,
// samples from one noise, and numbers. The pictures come from Python.

import { begin, button, html, onceAFrame, range, screen, set } from "./dom.js";
import { shipped } from "./data.js";
import { paint } from "./pictures.js";

const ZOOM = 2; // screen pixels for each pixel of an image

// The network of a place on each slider, counted as Python does: all gammas of the first beta, then of the next.
export function network({ beta, gamma }, numGammas) {
  return beta * numGammas + gamma;
}

// `count` images from `first` on, of arrays {values: bytes, shape: [..., 1, height, width]}, side by side as one image
// of grey levels in [0, 1].
export function strip({ values, shape }, first, count) {
  const [height, width] = shape.slice(-2);
  const joined = new Float32Array(height * width * count);
  for (let i = 0; i < count; i++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        joined[(y * count + i) * width + x] = values[((first + i) * height + y) * width + x] / 255;
  return { values: joined, shape: [1, height, width * count] };
}

async function render({ model, el }) {
  const data = await shipped(model, el);
  const root = begin(el, "two-weights");
  const { betas, gammas, images, made, numbers } = data;
  const count = images.shape[0];
  const [height, width] = images.shape.slice(-2);
  let state = model.get("value");

  const rows = { original: "test images", reconstructed: "reconstructions", samples: "samples, from the same noise for all" };
  const canvases = Object.fromEntries(
    Object.entries(rows).map(([name, text]) => [name, screen(height, width * count, ZOOM, { "aria-label": text })]),
  );
  const told = html("dl", { class: "measured", "aria-live": "polite" });
  const tell = onceAFrame(() => model.save_changes());
  const change = (changes) => {
    state = { ...state, ...changes };
    update();
    model.set("value", state);
    tell();
  };
  const slider = (label, name, values) =>
    range(label, { min: 0, max: values.length - 1, step: 1, format: (i) => String(values[i]) }, (i) => change({ [name]: i }));
  const sliders = {
    beta: slider("β, the weight of the KL", "beta", betas),
    gamma: slider("γ, likeness against fooling", "gamma", gammas),
  };
  const draw = () => {
    const chosen = network(state, gammas.length);
    const { rate, error, sharpness, read } = numbers[chosen];
    paint(canvases.reconstructed, strip(made, 2 * count * chosen, count));
    paint(canvases.samples, strip(made, 2 * count * chosen + count, count));
    for (const [name, one] of Object.entries(sliders)) one.show(state[name]);
    const written = {
      "length of the code": `${rate.toFixed(1)} nats`,
      "squared error": error.toFixed(1),
      "distance in sharpness": sharpness.toFixed(2),
      "read rightly": `${(100 * read).toFixed(0)} %`,
    };
    told.replaceChildren(...Object.entries(written).flatMap(([term, value]) => [html("dt", {}, term), html("dd", {}, value)]));
    set(canvases.reconstructed, { "aria-label": `reconstructions at β = ${betas[state.beta]}, γ = ${gammas[state.gamma]}` });
    Object.assign(root.dataset, { beta: betas[state.beta], gamma: gammas[state.gamma], rate, error, sharpness, read });
  };
  const update = onceAFrame(draw);
  model.on("change:value", () => {
    if (JSON.stringify(model.get("value")) === JSON.stringify(state)) return;
    state = model.get("value");
    update();
  });
  const help = "Move β and γ: nine networks, alike but for these two. What becomes of the digits, and of their edges?";
  const figures = Object.entries(rows).map(([name, text]) => html("figure", {}, canvases[name], html("figcaption", {}, text)));
  root.append(
    html("p", { class: "help" }, help),
    html("div", { class: "grid" }, sliders.beta.element, sliders.gamma.element),
    ...figures,
    told,
    html("div", { class: "buttons" }, button("Reset", () => change(data.start))),
  );
  paint(canvases.original, strip(images, 0, count));
  draw();
}

export default { render };
