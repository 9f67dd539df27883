r"""What a label adds to a logit: :math:`l(x, y) = v_y \cdot \phi(x) + \psi(\phi(x))`.

Miyato & Koyama 2018, arXiv:1802.05637, equation 5 with a table of classes.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.probes.ex08 import projected
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator
from course_lib.tasks.parts import in_words, made_of

_F32, _F64 = torch.float32, torch.float64
Head = Callable[[Tensor], Tensor]


def _cases(seed: int) -> list[Case]:
    """All classes and a point without a label; one point; float64 with two lost labels; features that aren't as many as
    classes or points."""
    source = generator(seed)
    cases: list[Case] = []
    for labels, num_classes, width, dtype in (
        ([1, -1, 2, 0, 2, 1], 3, 4, _F32),
        ([2], 4, 3, _F32),
        ([-1, 0, 1, -1, 1], 2, 7, _F64),
    ):
        features = away_from_zero((len(labels), width), source, dtype=dtype)
        v = away_from_zero((num_classes, width), source, dtype=dtype)
        weight = away_from_zero((width, 3), source, 0.2, 0.7, dtype)
        y = torch.tensor(labels)
        cases.append(
            {"features": features.requires_grad_(), "y": y, "v": v.requires_grad_(), "head_weight": weight}
        )
    return cases


def _known(y: Tensor, x: Tensor) -> Tensor:
    return torch.where(y >= 0, x, torch.zeros_like(x))


def projection_logits(
    features: Tensor,
    y: Tensor,
    v: Tensor,
    head: Head,
    *,
    label: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda f, y, v: _known(y, (v[y.clamp(min=0)] * f).sum(1)),
    whole: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda label, alone, y: label + alone,
) -> Any:
    """Logits (B,); what stands after the star is changed by mistakes."""
    return whole(label(features, y, v), head(features).squeeze(1), y)


def _by_one_hot(features: Tensor, y: Tensor, v: Tensor, head: Head) -> Tensor:
    chosen = (y[:, None] == torch.arange(len(v))).to(v.dtype)
    return torch.einsum("bc,cf,bf->b", chosen, v, features) + head(features)[:, 0]


def _with(**parts: Any) -> Callable[..., Any]:
    return lambda features, y, v, head: projection_logits(features, y, v, head, **parts)


def _table(of_rows: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Any]:
    """The label's part by the rows of the table, (B, F), and the features, for known labels."""
    return _with(label=lambda f, y, v: _known(y, of_rows(v[y.clamp(min=0)], f)))


def _class_logits(of_scores: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Any]:
    """The label's part by the scores of all classes, (B, C), for known labels."""
    return _with(label=lambda f, y, v: _known(y, of_scores(f @ v.T, y.clamp(min=0))))


def _pick(scores: Tensor, y: Tensor) -> Tensor:
    return scores.gather(1, y[:, None])[:, 0]


def _in_head(features: Tensor, y: Tensor, v: Tensor, head: Head) -> Tensor:
    rows = _known(y[:, None], v[y.clamp(min=0)])
    return head(features + rows).squeeze(1)


def _head_of_product(features: Tensor, y: Tensor, v: Tensor, head: Head) -> Tensor:
    rows = _known(y[:, None], v[y.clamp(min=0)])
    return (rows * features).sum(1) + head(rows * features).squeeze(1)


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """Whether the points with or those without a label are off, or what the logits are made of."""
    y, features, v = (torch.as_tensor(case[name]).detach() for name in ("y", "features", "v"))
    came, right = got["the value"].double(), expected["the value"].double()
    wrong = (came - right).abs() > 1e-4 * (1 + right.abs())
    if bool(wrong.any()) and not bool(wrong[y >= 0].any()):
        return (
            "points with a label are right; those without one, where y is -1, aren't. They get the head's logit "
            "alone."
        )
    if bool(wrong.any()) and bool((y < 0).any()) and not bool(wrong[y < 0].any()):
        label = _known(y, (v[y.clamp(min=0)] * features).sum(1)).double()
        factors = made_of((came - (right - label))[y >= 0], {"v_y · features": label[y >= 0]})
        if factors:
            return f"the label adds {in_words(factors)}; it should add v_y · features, once."
        return (
            "points without a label are right, those with one aren't: look at what the label adds, v_y · features."
        )
    return ""


PROJECTION_LOGITS = Task(
    name="projection_logits",
    points=2,
    cases=_cases,
    reference=projection_logits,
    alternatives=(_by_one_hot, _class_logits(_pick)),
    probe=projected,
    explain=_told,
    mistakes=(
        Mistake(
            _with(label=lambda f, y, v: (v[y] * f).sum(1)),
            "a point without a label was taken for one of the last class: v[-1] is the table's last row, "
            "and Python doesn't complain. Where y is -1 the label adds nothing.",
        ),
        Mistake(
            _with(label=lambda f, y, v: (v[y.clamp(min=0)] * f).sum(1)),
            "a point without a label was taken for one of class 0. Where y is -1 the label adds nothing.",
        ),
        Mistake(
            _with(label=lambda f, y, v: (v[y.abs()] * f).sum(1)),
            "a point without a label was taken for one of class 1. Where y is -1 the label adds nothing.",
        ),
        Mistake(
            _with(whole=lambda label, alone, y: _known(y, label + alone)),
            "a point without a label got the logit 0. It loses what the label adds, and keeps what the head says.",
        ),
        Mistake(
            _with(label=lambda f, y, v: torch.where(y >= 0, (v[y.clamp(min=0)] * f).sum(1), (f @ v.T).mean(1))),
            "a point without a label got the mean over all classes. The label adds nothing there.",
        ),
        Mistake(
            _with(label=lambda f, y, v: torch.where(y > 0, (v[y.clamp(min=0)] * f).sum(1), 0 * f[:, 0])),
            "class 0 was taken for no label, too. Only -1 means that it is lost.",
        ),
        Mistake(
            _with(whole=lambda label, alone, y: (label + alone)[y >= 0]),
            "points without a label were left out. There is a logit for each point: theirs is the head's alone.",
        ),
        Mistake(
            _with(whole=lambda label, alone, y: label + alone[:, None]),
            "a (B, 1) met a (B,), and PyTorch made (B, B) of them: every label beside every head. "
            "head(features) has a column too much: squeeze(1) takes it off.",
        ),
        Mistake(
            _with(whole=lambda label, alone, y: label[:, None] + alone),
            "a (B, 1) met a (B,), and PyTorch made (B, B) of them, here with the label's part as a column. "
            "Take both as (B,).",
        ),
        Mistake(
            _with(whole=lambda label, alone, y: (label + alone)[:, None]),
            "the logits came as a column, (B, 1). One number for each point was asked for, (B,).",
        ),
        Mistake(
            _with(whole=lambda label, alone, y: (label + alone).squeeze()),
            "squeeze() without a dimension takes off every size of 1, also that of a batch of one point. "
            "squeeze(1) takes off the head's column alone.",
        ),
        Mistake(
            _with(whole=lambda label, alone, y: label),
            "the head is missing: a logit is what the features say alone, plus what the label adds.",
        ),
        Mistake(
            _with(whole=lambda label, alone, y: alone),
            "the label adds nothing: v plays no part.",
        ),
        Mistake(
            _with(whole=lambda label, alone, y: alone - label),
            "what the label adds was subtracted.",
        ),
        Mistake(
            _with(whole=lambda label, alone, y: label * alone),
            "the two parts were multiplied. They are added.",
        ),
        Mistake(
            _with(whole=lambda label, alone, y: torch.sigmoid(label + alone)),
            "a probability came: there is a sigmoid too much. Losses are written on logits.",
        ),
        Mistake(
            _table(lambda rows, f: (rows * f).mean(1)),
            "the product was averaged over the features. A scalar product adds up.",
        ),
        Mistake(
            _table(lambda rows, f: (rows * f).sum(1) / f.shape[1] ** 0.5),
            "the product was divided by the root of the number of features, as attention does. Here it is "
            "the scalar product itself.",
        ),
        Mistake(
            _table(lambda rows, f: F.cosine_similarity(rows, f)),
            "this is the cosine of v_y and the features. Their lengths count, too: it is the scalar product "
            "itself.",
        ),
        Mistake(
            _table(lambda rows, f: -(rows - f).square().sum(1)),
            "this is a distance between v_y and the features. Asked for was their scalar product.",
        ),
        Mistake(
            _table(lambda rows, f: rows.sum(1)),
            "v_y was summed without the features: a bias for each class. Multiply them entry by entry, then sum.",
        ),
        Mistake(
            _with(
                label=lambda f, y, v: _known(y[:, None], v[y.clamp(min=0)] * f),
                whole=lambda label, alone, y: label + alone[:, None],
            ),
            "the product wasn't summed over the features: one number for each point and feature came, (B, F).",
        ),
        Mistake(
            _with(label=lambda f, y, v: f @ v.T, whole=lambda label, alone, y: label + alone[:, None]),
            "the logits of all classes came, (B, C). Of each point only its own label's was asked for.",
        ),
        Mistake(
            _class_logits(lambda scores, y: scores.sum(1)),
            "all classes were added up. Only the row of the point's own label counts.",
        ),
        Mistake(
            _class_logits(lambda scores, y: scores.max(1).values),
            "the class that fits best was taken. It is the label that says which row counts.",
        ),
        Mistake(
            _class_logits(lambda scores, y: _pick(scores.log_softmax(1), y)),
            "a log-probability of the class came in: there is a log_softmax too much. That is a "
            "classifier's part; here it is the plain scalar product.",
        ),
        Mistake(
            _class_logits(lambda scores, y: _pick(scores.softmax(1), y)),
            "a probability of the class came in: there is a softmax too much. Here it is the plain scalar "
            "product.",
        ),
        Mistake(
            _in_head,
            "v_y was added to the features before the head. It is multiplied with them, and the head gets "
            "the features as they are.",
        ),
        Mistake(
            _head_of_product,
            "the head was given the product with v_y. It gets the features as they are: what they say "
            "without a label.",
        ),
        Mistake(
            lambda features, y, v, head: projection_logits(
                features, y, v, head, whole=lambda label, alone, y: label + alone.detach()
            ),
            "the head's part is cut off: no gradient comes through it.",
        ),
        Mistake(
            _with(label=lambda f, y, v: _known(y, (v[y.clamp(min=0)] * f.detach()).sum(1))),
            "in what the label adds the features are cut off: no gradient comes to them through it.",
        ),
    ),
)
