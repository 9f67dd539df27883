"""A page without a kernel that shows a widget: the same module, the same data, and a model of a few lines."""

import base64
import json
from pathlib import Path

from course_lib.viz.widgets.host import Widget

PAGE = """\
<!doctype html>
<meta charset="utf-8">
<title>a widget</title>
<meta name="color-scheme" content="light dark">
<style>{css}</style>
<main><div id="widget"></div></main>
<script type="module">
import widget from "{module}";
const state = {state};
const listeners = [];
const model = {{
  get: (name) => state[name],
  set: (name, value) => {{
    state[name] = value;
    for (const [event, listener] of listeners) if (event === `change:${{name}}`) listener();
  }},
  on: (event, listener) => listeners.push([event, listener]),
  save_changes: () => {{}},
}};
window.chosen = () => state.value;
await widget.render({{ model, el: document.getElementById("widget") }});
</script>
"""


def write_page(widget: Widget, path: Path) -> Path:
    """The widget as an HTML file that needs no server."""
    module = base64.b64encode(widget._esm.encode()).decode()
    state = json.dumps({"data": widget.data, "value": widget.value}).replace("</", "<\\/")
    text = PAGE.format(css=widget._css, module=f"data:text/javascript;base64,{module}", state=state)
    path.write_text(text, encoding="utf-8")
    return path
