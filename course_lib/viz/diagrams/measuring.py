"""How a generator is measured, drawn: what the model sees, what the rulers see, and the floor beside the number."""

from matplotlib.figure import Figure

from course_lib.viz.diagrams.language import Arrow, Box, diagram
from course_lib.viz.style import BLACK, GREY, PURPLE, SYMBOLS


def measuring_diagram(feature_dim: int = 64) -> Figure:
    """Training images -> a model -> samples; samples, a reference and other real images -> features -> rulers."""
    features = f"{feature_dim} features"
    boxes = {
        "train": Box((0, 2), "training\nimages", color=SYMBOLS["x"]),
        "model": Box((1.2, 2), "model", kind="network", color=BLACK),
        "samples": Box((2.4, 2), "samples", color=SYMBOLS["x_hat"]),
        "reference": Box((2.4, 1), "real", "reference", color=SYMBOLS["x"]),
        "other": Box((2.4, 0), "real", "others", color=SYMBOLS["x"]),
        "classifier": Box((3.6, 1), "classifier", features, kind="network", color=PURPLE),
        "score": Box((4.9, 1.6), "ruler", "samples to reference", kind="loss", color=GREY),
        "floor": Box((4.9, 0.4), "ruler", "its floor: others to reference", kind="loss", color=GREY),
    }
    arrows = [Arrow("train", "model"), Arrow("model", "samples"), Arrow("samples", "classifier")]
    arrows += [Arrow("reference", "classifier"), Arrow("other", "classifier")]
    arrows += [Arrow("classifier", "score"), Arrow("classifier", "floor")]
    return diagram(boxes, arrows)
