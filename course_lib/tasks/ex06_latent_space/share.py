r"""How much of what a conditional decoder draws depends on its label, and how much on its code.

With pictures :math:`p_{bc} = \sigma(\mathrm{decode}(z_b, c))`, the variance over all of them is that over labels at a
fixed code, on average, plus that of each code's mean picture (law of total variance). The share of the first is 0 where
the decoder pays no attention to the label, and 1 where it looks at nothing else.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course_lib.probes.ex06 import shares
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64
_NOTHING = 1e-10  # variance below which all pictures are the same
Decode = Callable[[Tensor, Tensor], Tensor]


def _cases(seed: int) -> list[Case]:
    """A decoder that heeds both; one code and a label that was forgotten, so that nothing varies; several codes, and
    the label forgotten; float64."""
    source = generator(seed)
    cases: list[Case] = []
    for batch, latents, classes, pixels, label, dtype in (
        (4, 3, 3, 5, 0.7, _F32),
        (1, 2, 2, 7, 0.0, _F32),
        (5, 2, 4, 6, 0.0, _F32),
        (6, 4, 5, 3, 1.2, _F64),
    ):
        weights = away_from_zero((latents + classes, pixels), source, 0.2, 1.0)
        # one pixel hardly looks at the label, another at little else
        weights[latents:] *= label * torch.linspace(0.3, 1.5, pixels)
        z = away_from_zero((batch, latents), source)
        cases.append({"weights": weights.to(dtype), "z": z.to(dtype)})
    return cases


def _pictures(decode: Decode, z: Tensor, num_classes: int) -> Tensor:
    """(B, C, P)"""
    labels = [torch.full((len(z),), c) for c in range(num_classes)]
    return torch.stack([decode(z, y) for y in labels], dim=1).sigmoid()


def _total(p: Tensor) -> Tensor:
    return p.flatten(0, 1).var(0, correction=0)


def _of_labels(p: Tensor) -> Tensor:
    """Over labels at a fixed code, (P,)."""
    return p.var(1, correction=0).mean(0)


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    part, whole = part.sum(), whole.sum()
    return torch.where(whole > _NOTHING, part / whole.clamp(min=_NOTHING), 0.0)


def _with(
    part: Callable[[Tensor], Tensor] = _of_labels,
    whole: Callable[[Tensor], Tensor] = _total,
    ratio: Callable[[Tensor, Tensor], Tensor] = _ratio,
    pictures: Callable[[Decode, Tensor, int], Tensor] = _pictures,
) -> Callable[..., Any]:
    """The share with one part changed."""

    def answer(decode: Decode, z: Tensor, num_classes: int) -> Tensor:
        p = pictures(decode, z, num_classes)
        return ratio(part(p), whole(p))

    return answer


label_share = _with()


def _one_batch(decode: Decode, z: Tensor, num_classes: int) -> Tensor:
    """Another style: one call, and what the codes' mean pictures leave."""
    y = torch.arange(num_classes).repeat(len(z))
    p = decode(z.repeat_interleave(num_classes, 0), y).sigmoid().unflatten(0, (len(z), num_classes))
    deviations = (p - p.mean((0, 1))).square().mean((0, 1)).sum()
    codes = (p.mean(1) - p.mean((0, 1))).square().mean(0).sum()
    return (deviations - codes) / deviations if deviations > _NOTHING else torch.zeros_like(deviations)


def _new_codes(decode: Decode, z: Tensor, num_classes: int) -> Tensor:
    """Each label with codes of its own, drawn from the prior."""
    labels = [torch.full((len(z),), c) for c in range(num_classes)]
    return torch.stack([decode(torch.randn_like(z), y) for y in labels], dim=1).sigmoid()


def _other_codes(decode: Decode, z: Tensor, num_classes: int) -> Tensor:
    """Each label with the codes in another order."""
    return torch.stack([decode(z.roll(c, 0), torch.full((len(z),), c)) for c in range(num_classes)], 1).sigmoid()


def _logits(decode: Decode, z: Tensor, num_classes: int) -> Tensor:
    return _pictures(decode, z, num_classes).logit()


def _one_label_each(decode: Decode, z: Tensor, num_classes: int) -> Tensor:
    """One label for each code, one picture each."""
    return decode(z, torch.arange(len(z)) % num_classes).sigmoid()[:, None]


def _unguarded(part: Tensor, whole: Tensor) -> Tensor:
    return part.sum() / whole.sum()


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """What it says of a decoder that forgot its label."""
    weights, z = case["weights"], case["z"]
    assert isinstance(weights, Tensor)
    assert isinstance(z, Tensor)
    value = got["the value"].item()
    if not bool(weights[z.shape[1] :].any()):
        return f"this decoder pays no attention to its label, so the share is 0; yours is {value:.3g}."
    return "it isn't a share: that lies between 0 and 1." if not 0 <= value <= 1 else ""


LABEL_SHARE = Task(
    name="label_share",
    points=2,
    cases=_cases,
    reference=label_share,
    alternatives=(_one_batch,),
    probe=shares,
    explain=_told,
    rtol=3e-4,
    mistakes=(
        Mistake(
            _with(ratio=_unguarded),
            "nan came, or a number out of rounding errors: where all pictures are the same there is no variance to "
            "share, "
            "and 0/0 comes out. There the share is 0.",
        ),
        Mistake(
            _with(part=lambda p: p.mean(0).var(0, correction=0)),
            "this is the variance of each label's mean picture. A label may do one thing to one code and another "
            "thing to "
            "another: take the variance over labels at each code first, then the mean over codes.",
        ),
        Mistake(
            _with(part=lambda p: p.var(0, correction=0).mean(0)),
            "this is the share of the code: the variance over codes at a fixed label. Labels vary at a fixed code.",
        ),
        Mistake(
            _with(part=lambda p: p.mean(1).var(0, correction=0)),
            "this is the variance of each code's mean picture: what is left when the label's share is taken off.",
        ),
        Mistake(
            _with(ratio=lambda part, whole: 1 - _ratio(part, whole)),
            "this is 1 minus the share: what the code decides. A forgotten label has share 0.",
        ),
        Mistake(
            _with(
                ratio=lambda part, whole: torch.where(
                    whole > _NOTHING, part / whole.clamp(min=_NOTHING), 0.0
                ).mean()
            ),
            "each pixel's share was averaged over pixels, so that pixels that hardly change count as much as others. "
            "Add "
            "the variances up over pixels first.",
        ),
        Mistake(
            _with(ratio=lambda part, whole: _ratio(part.sqrt(), whole.sqrt())),
            "standard deviations were divided. Variances add up, and have shares; their roots don't.",
        ),
        Mistake(
            _with(
                part=lambda p: p.std(1, correction=0).mean(0), whole=lambda p: p.flatten(0, 1).std(0, correction=0)
            ),
            "standard deviations stand where variances belong. Variances add up, and have shares; their roots don't.",
        ),
        Mistake(
            _with(ratio=lambda part, whole: _ratio(part, whole - part)),
            "the label's variance was divided by what is left. Its share is of the whole: label and rest together.",
        ),
        Mistake(
            _with(whole=lambda p: p.var(correction=0) * p.shape[2]),
            "the whole variance is over all pixels at once, so pixels that are bright beside dark ones count too. Take "
            "it in each pixel, over pictures, and add up.",
        ),
        Mistake(
            _with(ratio=lambda part, whole: _ratio(part, whole).sqrt()),
            "a root was taken of the share.",
        ),
        Mistake(
            _with(ratio=lambda part, whole: part.sum()),
            "the variance itself came. Its share of the whole variance was asked for.",
        ),
        Mistake(
            _with(ratio=lambda part, whole: part.mean()),
            "the variance itself came, averaged over pixels. Its share of the whole variance was asked for.",
        ),
        Mistake(
            _with(whole=lambda p: p.var(0, correction=0).mean(0)),
            "the label's variance was divided by the code's. The whole variance is over all pictures together.",
        ),
        Mistake(
            _with(whole=lambda p: p.var(0, correction=0).mean(0) + p.var(1, correction=0).mean(0)),
            "the two variances were added up for the whole. What codes and labels do together is in both of them: "
            "take the "
            "variance over all pictures.",
        ),
        Mistake(
            _with(part=lambda p: p.var(1).mean(0), whole=lambda p: p.flatten(0, 1).var(0)),
            "the variances divide by n - 1, which is another number in the two of them. Divide by n (correction=0): "
            "only "
            "then do the parts add up.",
        ),
        Mistake(
            _with(part=lambda p: p.var(1).mean(0)),
            "the variance over labels divides by C - 1. Divide by C (correction=0): only then do the parts add up.",
        ),
        Mistake(
            _with(whole=lambda p: p.flatten(0, 1).var(0)),
            "the whole variance divides by n - 1. Divide by n (correction=0): only then do the parts add up.",
        ),
        Mistake(
            _with(pictures=_logits),
            "the logits were compared. Pictures are their sigmoids: a logit that moves from 8 to 12 is not seen.",
        ),
        Mistake(
            _with(pictures=_new_codes),
            "each label got codes of its own, so that the label is blamed for what the codes do. Keep z, and change y "
            "alone: a forgotten label then changes nothing.",
        ),
        Mistake(
            _with(pictures=_other_codes),
            "each label got the codes in another order, so that the label is blamed for what the codes do. Keep z, and "
            "change y alone.",
        ),
        Mistake(
            _with(pictures=lambda decode, z, n: _pictures(decode, z[:1], n)),
            "only one code was tried, or the same one again and again. The mean is over all that were given.",
        ),
        Mistake(
            _with(pictures=lambda decode, z, n: _pictures(decode, z, 2)),
            "only the labels 0 and 1 were tried. Take all num_classes.",
        ),
        Mistake(
            _with(pictures=lambda decode, z, n: _pictures(decode, z, n)[:, 1:]),
            "label 0 was left out.",
        ),
        Mistake(
            _with(pictures=lambda decode, z, n: _pictures(decode, z, n)[:, : n - 1]),
            "the last label was left out.",
        ),
        Mistake(
            _with(pictures=_one_label_each),
            "each code was tried with one label only. Then nobody can say which of the two changed the picture: try "
            "every "
            "code with every label.",
        ),
        Mistake(
            _with(pictures=lambda decode, z, n: (_pictures(decode, z, n) > 0.5).to(z.dtype)),
            "the pictures were made black and white. Their grey levels are the probabilities.",
        ),
        Mistake(
            _with(
                pictures=lambda decode, z, n: torch.stack(
                    [decode(z, torch.full((len(z),), c)) for c in range(n)], 1
                ).softmax(-1)
            ),
            "a softmax over pixels was taken. Each pixel is a Bernoulli of its own: sigmoid.",
        ),
    ),
)
