"""Sliders on a pure function that draws a figure."""

import base64
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure

from course_lib.viz.display import caption_html, close, png


class SliderFigure(widgets.VBox):
    """Sliders above a picture that is redrawn when one moves. ``sliders`` maps names to widgets.

    Where widgets can't be displayed (a notebook read on the web) the first picture stands in.
    """

    def __init__(
        self, make_figure: Callable[..., Figure], sliders: dict[str, widgets.Widget], caption: str | None
    ) -> None:
        self.sliders = sliders
        self._make_figure = make_figure
        self._caption = caption
        # at its own size: stretched to the width of the page it would blur
        self.image = widgets.Image(format="png", layout=widgets.Layout(align_self="flex-start"))
        self._redraw()
        for slider in sliders.values():
            slider.observe(self._redraw, names="value")
        under = [widgets.HTML(caption_html(caption))] if caption else []
        super().__init__([*sliders.values(), self.image, *under])

    def _redraw(self, _change: Any = None) -> None:
        figure = self._make_figure(**{name: slider.value for name, slider in self.sliders.items()})
        self.image.value = png(figure)
        close(figure)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        picture = {"image/png": base64.b64encode(self.image.value).decode()}
        if self._caption:
            picture["text/plain"] = self._caption
        return {**bundle, **picture}, {"image/png": {"alt": self._caption or ""}}


def slider_figure(make_figure: Callable[..., Figure], caption: str | None = None, **sliders: Any) -> SliderFigure:
    """A picture with one slider for each keyword argument of ``make_figure`` that is named here.

    A slider is ``(low, high)`` or ``(low, high, step)``, whole numbers if all are whole, or a list of values to
    choose from. It starts at the argument's default value in ``make_figure`` if that has one, else at the first.
    Let it be the last expression of a cell.

        slider_figure(lambda beta=1.0: curve(beta), beta=(0.0, 4.0, 0.5))
    """
    if not sliders:
        raise ValueError(
            "there must be at least one slider, got none; write for example slider_figure(f, beta=(0.0, 4.0, 0.5))"
        )
    parameters = inspect.signature(make_figure).parameters
    made = {name: _slider(name, spec, parameters.get(name)) for name, spec in sliders.items()}
    return SliderFigure(make_figure, made, caption)


def _slider(name: str, spec: Any, parameter: inspect.Parameter | None) -> widgets.Widget:
    default = parameter.default if parameter is not None else inspect.Parameter.empty
    style = {"description_width": "initial"}
    layout = widgets.Layout(width="420px")
    label = name.replace("_", " ")
    if isinstance(spec, tuple) and len(spec) in (2, 3):
        low, high = spec[:2]
        value = low if default is inspect.Parameter.empty else default
        whole = all(isinstance(number, int) for number in (*spec, value))
        if not low < high:
            raise ValueError(f"the slider {name} must run from low to high, got {spec}")
        step = spec[2] if len(spec) == 3 else (1 if whole else (high - low) / 20)
        make = widgets.IntSlider if whole else widgets.FloatSlider
        return make(value=value, min=low, max=high, step=step, description=label, style=style, layout=layout)
    if isinstance(spec, Sequence) and not isinstance(spec, str | tuple) and len(spec):
        value = default if default in spec else spec[0]
        return widgets.SelectionSlider(
            options=list(spec), value=value, description=label, style=style, layout=layout
        )
    raise ValueError(f"the slider {name} must be (low, high), (low, high, step) or a list of values, got {spec!r}")
