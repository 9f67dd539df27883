// Small helpers for elements: HTML, SVG, labelled controls, dragging, and drawing once a frame.

function made(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function html(tag, attributes = {}, ...children) {
  return made(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return made(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

export function set(element, attributes) {
  return made(element, attributes, []);
}

export function button(label, onclick, attributes = {}) {
  return html("button", { type: "button", onclick, ...attributes }, label);
}

// A range input under its label, with its value written out. Returns {element, input, show(value)}.
export function range(label, { min, max, step, format = (value) => value.toFixed(2) }, onchange) {
  const oninput = () => onchange(Number(input.value));
  const input = html("input", { type: "range", min, max, step, oninput, "aria-label": label });
  const output = html("output");
  const element = html("label", { class: "range" }, html("span", {}, label), input, output);
  const show = (value) => {
    input.value = value;
    output.textContent = format(value);
    set(input, { "aria-valuetext": format(value) });
  };
  return { element, input, show };
}

// A canvas of grey pixels, shown `zoom` times as large.
export function screen(height, width, zoom, attributes = {}) {
  const style = `width: ${width * zoom}px; height: ${height * zoom}px`;
  return html("canvas", { width, height, style, role: "img", ...attributes });
}

// Call `moved(event, started)` when the pointer goes down on `element`, and as it moves until it is lifted.
export function draggable(element, moved) {
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    element.setPointerCapture(event.pointerId);
    element.focus({ preventScroll: true });
    moved(event, true);
  });
  element.addEventListener("pointermove", (event) => {
    if (element.hasPointerCapture(event.pointerId)) moved(event, false);
  });
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

// Call `moved(right, up)` for arrow keys on `element`: steps of 1, or of 5 with Shift.
export function arrowKeys(element, moved) {
  element.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (!arrow) return;
    event.preventDefault();
    event.stopPropagation();
    const times = event.shiftKey ? 5 : 1;
    moved(times * arrow[0], times * arrow[1]);
  });
}

// `draw` at most once a frame, however often it is asked for.
export function onceAFrame(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}

// What all widgets share: the class of the style sheet; a notebook's own shortcuts stay out of it.
export function begin(el, name) {
  el.classList.add("course-widget", name);
  el.setAttribute("data-lm-suppress-shortcuts", "true");
  return el;
}
