"""A draw in the middle of a computation, and which way the gradient takes around it."""

from typing import Literal

from matplotlib.figure import Figure

from course_lib.viz.diagrams.language import Arrow, Box, diagram
from course_lib.viz.style import BLACK, GREY, SYMBOLS

Way = Literal["cut", "pathwise", "score"]


def draw_diagram(way: Way = "cut") -> Figure:
    r"""From μ and σ over a drawn z to its cost, and the gradient on its way back.

    ``"cut"``: it ends at the draw. ``"pathwise"``: the noise comes from outside, so it passes through z.
    ``"score"``: it starts at :math:`\log q(z)`, which is made of all three, weighted by the cost. Raises
    ``ValueError`` for another way.
    """
    if way not in ("cut", "pathwise", "score"):
        raise ValueError(f"way must be 'cut', 'pathwise' or 'score', got {way!r}")
    last = 4.6 if way == "pathwise" else 5.4
    row = 1.5 if way == "score" else 0.5
    boxes = {
        "mu": Box((0, row if way == "score" else 1), r"$\mu$", color=SYMBOLS["mu"]),
        "sigma": Box((0, row - 1.1 if way == "score" else 0), r"$\sigma$", color=SYMBOLS["sigma"]),
        "z": Box((last - 2.4, row), "$z$", color=SYMBOLS["z"]),
        "f": Box((last - 1.2, row), "cost\n$f$", kind="network", color=BLACK),
        "cost": Box((last, row), "$f(z)$", kind="loss", color=GREY),
    }
    arrows = [Arrow("z", "f"), Arrow("f", "cost")]
    if way == "pathwise":
        boxes["eps"] = Box((2.2, -0.75), r"$\varepsilon$", r"drawn from $\mathcal{N}(0, 1)$", color=SYMBOLS["eps"])
        arrows += [Arrow("mu", "z"), Arrow("sigma", "z"), Arrow("eps", "z", r"$z = \mu + \sigma\,\varepsilon$")]
        arrows += [Arrow("cost", "z", r"$f\,'(z)$", "gradient", -0.45)]
        arrows += [Arrow("z", "mu", r"$\times\ 1$", "gradient", 0.35)]
        arrows += [Arrow("z", "sigma", r"$\times\ \varepsilon$", "gradient", -0.35)]
        return diagram(boxes, arrows, legend=True)
    boxes["draw"] = Box((1.5, row), "draw", r"from $\mathcal{N}(\mu, \sigma^2)$", "network", BLACK)
    arrows += [Arrow("mu", "draw"), Arrow("sigma", "draw"), Arrow("draw", "z")]
    if way == "cut":
        arrows += [Arrow("cost", "z", r"$f\,'(z)$", "gradient", -0.45)]
        arrows += [Arrow("z", "mu", flow="cut", bend=0.4), Arrow("z", "sigma", flow="cut", bend=-0.4)]
        return diagram(boxes, arrows, legend=True)
    boxes["score"] = Box((3.0, -0.1), r"$\log q(z)$", kind="loss", color=GREY)
    arrows += [Arrow("mu", "score"), Arrow("sigma", "score")]
    arrows += [Arrow("z", "score"), Arrow("cost", "score", r"weighs it by $f(z)$")]
    arrows += [
        Arrow("score", "mu", flow="gradient", bend=-0.22),
        Arrow("score", "sigma", flow="gradient", bend=-0.22),
    ]
    return diagram(boxes, arrows, legend=True)
