// What a widget is given to show. A page without a kernel hands it over as the model's "data"; in a notebook it would
// be saved with the widget's state, so there it is asked for and comes as a message (course_lib/viz/widgets/host.py).

const TYPES = { float32: Float32Array, uint8: Uint8Array };

// Arrays {dtype, shape, base64} anywhere inside become {values, shape}.
export function unpack(value) {
  if (Array.isArray(value)) return value.map(unpack);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.base64 === "string") {
    const bytes = Uint8Array.from(atob(value.base64), (letter) => letter.charCodeAt(0));
    return { values: new TYPES[value.dtype](bytes.buffer), shape: value.shape };
  }
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, unpack(inner)]));
}

export async function shipped(model, el) {
  const here = model.get("data");
  if (here) return unpack(here);
  el.textContent = "Waiting for the kernel: it answers when the cells that run now are done.";
  const data = await new Promise((resolve) => {
    model.on("msg:custom", (message) => message.kind === "data" && resolve(message.data));
    model.send({ kind: "ask" });
  });
  el.textContent = "";
  return unpack(data);
}
