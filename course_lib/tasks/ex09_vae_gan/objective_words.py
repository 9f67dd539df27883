"""What three objectives that are no listed mistake are made of, in words."""

import torch
from torch import Tensor

from course_lib.tasks.core import Case, Outputs
from course_lib.tasks.parts import in_words, made_of

_NETWORKS = ("encoder", "decoder", "discriminator")


def in_its_terms(case: Case, expected: Outputs, got: Outputs) -> str:
    """What each objective that isn't right is made of, read off its gradients."""
    if len(torch.as_tensor(case["kl"])) == 1:
        return (
            "it is right for small logits. At some hundreds a sigmoid is exactly 0 or 1, and a logarithm after "
            "it, clamped or with a small number added, has the wrong value or no gradient. F.softplus works on "
            "the logits themselves."
        )
    told = []
    for i, network in enumerate(_NETWORKS, 1):
        mine = [name for name in got if name.endswith(f"value {i} of 3") or f"value {i} of 3 " in name]
        if all(torch.allclose(got[name], expected[name], rtol=1e-3, atol=1e-5) for name in mine):
            continue
        came, right = (_sum_of(i, case, outputs) for outputs in (got, expected))
        told.append(
            f"the {network}'s objective has the right gradients, but is off by a constant"
            if came == right
            else f"the {network}'s objective is {came}; it should be {right}"
        )
    return ". ".join([told[0], *(said[0].upper() + said[1:] for said in told[1:])]) + "."


def _sum_of(i: int, case: Case, outputs: Outputs) -> str:
    """An objective in words, each part with its factor."""
    factors: dict[str, float] = {}
    for name, parts in _gradients_of_parts(case).items():
        found = made_of(outputs[f"the gradient of the sum of value {i} of 3 with respect to {name}"], parts)
        factors |= {f"something else of {name}": 1.0} if found is None else found
    for whole, halves in _WHOLES.items():
        values = [factors.get(half, 0.0) for half in halves]
        if abs(values[0]) > 1e-3 and all(abs(value - values[0]) < 1e-3 * abs(values[0]) for value in values):
            factors = {name: f for name, f in factors.items() if name not in halves} | {whole: 2 * values[0]}
    return in_words(factors)


_WHOLES = {
    "fool": ("fool with reconstructions", "fool with samples of the prior"),
    "tell decoded images": ("tell reconstructions", "tell samples of the prior"),
}


def _gradients_of_parts(case: Case) -> dict[str, dict[str, Tensor]]:
    """For each input the gradient that a part would leave there, the mean over the batch being taken."""
    size = len(torch.as_tensor(case["kl"]))
    parts = {
        name: {what: torch.full((size,), 1 / size)}
        for name, what in (("kl", "the KL"), ("error", "the feature error"))
    }
    for name, what in (
        ("logits", "real images"),
        ("logits_hat", "reconstructions"),
        ("logits_prior", "samples of the prior"),
    ):
        probability = torch.sigmoid(torch.as_tensor(case[name]).detach())
        up, down = (probability - 1) / size, probability / size
        parts[name] = (
            {"tell real images": up, "calling real images decoded": down}
            if name == "logits"
            else {f"fool with {what}": up, f"tell {what}": down}
        )
    return parts
