"""What every widget here is: an ES module of this folder in a notebook, its data sent when a front end asks for them.

A module has pure functions in files beside it and a default export ``{render}``, the contract of anywidget
(https://anywidget.dev): ``render({model, el})``. It uses the model's ``get``, ``set``, ``on`` and ``save_changes``,
so a page without a kernel can show it, which gives it the same data as the model's ``data``. In a notebook it asks for
them by ``send``.
"""

import base64
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from matplotlib.figure import Figure

from course_lib.viz.display import close, png
from course_lib.viz.style import CLASS_COLORS, NAMED_COLORS, as_array

FOLDER = Path(__file__).parent
COMMON = "widgets.css"  # before those of single widgets
_IMPORT = re.compile(r'(?<= from )"\./(\w+\.js)"')


@cache
def module(name: str) -> str:
    """The text of an ES module of this folder that needs no file beside it: what it imports is a ``data:`` address.

    A front end gets a module as text, from which a relative import leads nowhere.
    """
    source = (FOLDER / name).read_text(encoding="utf-8")

    def address(found: re.Match[str]) -> str:
        inner = base64.b64encode(module(found[1]).encode()).decode()
        return f'"data:text/javascript;base64,{inner}"'

    return _IMPORT.sub(address, source)


@cache
def style_sheet() -> str:
    """The look of all widgets, in the colours of the figures."""
    names = "".join(f"--{name}: {color}; " for name, color in NAMED_COLORS.items())
    classes = "".join(
        f".course-widget .class-{i} {{ color: {color}; fill: {color}; }}\n" for i, color in enumerate(CLASS_COLORS)
    )
    files = sorted(FOLDER.glob("*.css"), key=lambda path: (path.name != COMMON, path.name))
    rules = "".join(path.read_text(encoding="utf-8") for path in files)
    return f".course-widget {{ {names}}}\n{classes}{rules}"


def packed(values: Any) -> dict[str, Any]:
    """A tensor or array of ``float32`` or ``uint8`` as JSON: its type, shape, and bytes (little-endian, in base64)."""
    array = np.ascontiguousarray(as_array(values))
    if array.dtype.name not in ("float32", "uint8"):
        raise ValueError(f"an array for a widget must be float32 or uint8, got {array.dtype}; convert it")
    content = base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode()
    return {"dtype": array.dtype.name, "shape": list(array.shape), "base64": content}


class Widget(anywidget.AnyWidget):
    """A module of this folder, the data that it shows, and the value that was chosen in it.

    ``data`` are JSON and no part of the widget's state: a notebook that is saved with its state stays small. Where
    there is no front end (a notebook read on the web), the figure of ``still`` stands in, with ``caption`` as its
    alternative text.
    """

    value = traitlets.Any().tag(sync=True)

    def __init__(
        self, name: str, data: dict[str, Any], value: Any, still: Callable[[], Figure], caption: str
    ) -> None:
        json.dumps(data)  # fails here, not in a browser
        self._esm = module(f"{name}.js")
        self._css = style_sheet()
        self._anywidget_id = f"course_lib.{name}"
        self.data, self._still, self.caption = data, still, caption
        super().__init__(value=value)
        self.on_msg(self._answer)

    def _answer(self, _widget: Any, message: dict[str, Any], _buffers: Any) -> None:
        if message.get("kind") == "ask":
            self.send({"kind": "data", "data": self.data})

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        made = super()._repr_mimebundle_(**kwargs)
        figure = self._still()
        still = {"image/png": base64.b64encode(png(figure)).decode(), "text/plain": self.caption}
        close(figure)
        return {**(made[0] if made else {}), **still}, {"image/png": {"alt": self.caption}}
