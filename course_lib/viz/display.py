"""From a figure to the notebook: as a PNG, under a caption, and closed."""

import base64
import html
import io
import sys

from IPython.display import display
from matplotlib.figure import Figure


def png(figure: Figure) -> bytes:
    """The figure as PNG at its own resolution."""
    buffer = io.BytesIO()
    # Without the version of matplotlib in its metadata the same picture is the same bytes.
    figure.savefig(buffer, format="png", dpi=figure.dpi, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def show(figure: Figure, caption: str) -> None:
    """Display ``figure`` with ``caption`` under it, which is its alternative text as well, and close it.

    The caption says what to see. Raises ``ValueError`` without one: a reader who can't see the picture has nothing
    else.
    """
    if not caption.strip():
        raise ValueError("caption must say what to see in the figure, got an empty one")
    image = base64.b64encode(png(figure)).decode()
    display(
        {"image/png": image, "text/plain": caption},
        metadata={"image/png": {"alt": caption}},
        raw=True,
    )
    display({"text/html": caption_html(caption), "text/plain": f"Figure: {caption}"}, raw=True)
    close(figure)


def caption_html(caption: str) -> str:
    """A caption as it stands under a picture."""
    return f'<p style="max-width: 46em; font-size: 0.95em;"><em>{html.escape(caption)}</em></p>'


def close(figure: Figure) -> None:
    """Close a figure made with pyplot, so that the notebook doesn't show it a second time."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)
