"""What a step that is no listed mistake did, in the game's own words."""

import torch
from torch import Tensor
from torch.nn.utils import vector_to_parameters

from course_lib.objectives import discriminator_loss, generator_loss, r1_penalty
from course_lib.probes.ex07 import LEFT_GRADIENTS, LEFT_MEANS, OLD_GRADIENT, TwoLayers
from course_lib.tasks.core import Case, Outputs
from course_lib.tasks.parts import in_words, made_of

_PLAYERS = ("discriminator", "generator")


def in_its_terms(case: Case, expected: Outputs, got: Outputs) -> str:
    """Which losses the first gradient that each optimiser was given is made of, where it isn't what it should
    be; else how often somebody moved; else in which call the two ways part."""
    told = []
    for name in _PLAYERS:
        steps = f"steps of the {name}'s optimiser, for each call"
        given = f"the gradient that the {name}'s optimiser was given first"
        if not bool(got[steps]):
            told.append(f"the {name}'s optimiser never steps")
        elif not bool(got[given].any()):
            told.append(f"the {name}'s optimiser stepped over nothing: no gradient stood in its weights")
        elif not torch.allclose(got[given], expected[given], rtol=1e-3, atol=1e-5):
            factors, should = made_of(got[given], _parts(name, case, got)), _should(name, case)
            if factors is None:
                told.append(f"the {name} moved along something that neither loss makes of these x and z")
            elif _OLD in factors and in_words({p: f for p, f in factors.items() if p != _OLD}) == should:
                told.append(
                    f"the {name}'s gradients aren't cleared before its loss: what stood in its weights before is still "
                    "there, and moves it"
                )
            elif in_words(factors) != should:  # its own loss, as an opponent judges that has moved otherwise
                told.append(f"the {name} moved along {in_words(factors)}; it should be {should}")
        elif not torch.equal(got[steps], expected[steps]):
            told.append(
                f"the {name}'s optimiser stepped {got[steps].item():g} times in each call; once is enough."
            )
    if not told and all(torch.allclose(got[key], expected[key]) for key in expected if "weights" in key):
        told = [said for key, said in _LEFT.items() if key in got and not torch.equal(got[key], expected[key])]
    if told:
        return ". ".join([told[0], *(said[0].upper() + said[1:] for said in told[1:])]) + "."
    return (
        "the first step of both is right, a later one isn't: something is left over from one turn to the next. "
        "What stands in .grad when an optimiser steps should come from its player's own loss, and from this call."
    )


_OLD = "what stood in its weights before (zero_grad() clears it)"
_LEFT = {
    LEFT_GRADIENTS: "the generator's turn left gradients in the discriminator's weights",
    LEFT_MEANS: "the generator's turn moved the discriminator's running means",
}


def _should(name: str, case: Case) -> str:
    if name == "generator":
        return "its own loss, as the new discriminator judges"
    return "its own loss on real samples plus its own loss on generated samples" + (
        " plus the penalty" if "gamma" in case else ""
    )


def _parts(name: str, case: Case, got: Outputs) -> dict[str, Tensor]:
    """The gradients that the losses leave in a player, before either has moved and as it found the opponent; and those
    that stood there before the first round."""
    x, z = (torch.as_tensor(case[key])[0] for key in ("x", "z"))
    parts: dict[str, Tensor] = {}
    for moved in (False, True):
        generator, discriminator = (_network(case, key) for key in ("g", "d"))
        player, opponent = (discriminator, generator) if name == "discriminator" else (generator, discriminator)
        if moved:
            faced = got[f"the opponent's weights at the {name}'s first step"].to(x.dtype)
            before = torch.cat([p.detach().flatten() for p in opponent.parameters()])
            if torch.equal(faced, before):
                break
            vector_to_parameters(faced, opponent.parameters())
        losses = _losses(name, discriminator(x), discriminator(generator(z)), moved)
        if "gamma" in case and name == "discriminator":
            losses["the penalty"] = r1_penalty(discriminator, x, float(case["gamma"])).mean()
        weights = list(player.parameters())
        left = {
            what: list(torch.autograd.grad(value, weights, retain_graph=True)) for what, value in losses.items()
        }
        if "gamma" in case:
            left[_OLD] = [torch.full_like(weight, OLD_GRADIENT) for weight in weights]
        for what, gradients in left.items():
            if case.get("frozen_layer") and name == "discriminator":
                gradients[0] = torch.zeros_like(gradients[0])
            parts.setdefault(what, torch.cat([gradient.flatten() for gradient in gradients]))
    return parts


def _losses(name: str, real: Tensor, generated: Tensor, moved: bool) -> dict[str, Tensor]:
    """Whatever a player might follow, by its name in a sentence."""
    halves = discriminator_loss(real, generated)
    if name == "generator":
        judge = f"as the {'new' if moved else 'old'} discriminator judges"
        return {
            f"its own loss, {judge}": generator_loss(generated).mean(),
            f"the discriminator's loss, {judge}": halves.fake.mean(),
        }
    where = "generated samples after the generator's step" if moved else "generated samples"
    return {
        "its own loss on real samples": halves.real.mean(),
        f"its own loss on {where}": halves.fake.mean(),
        f"the generator's loss on {where}": generator_loss(generated).mean(),
        "the loss that calls real samples generated": discriminator_loss(generated, real).fake.mean(),
    }


def _network(case: Case, key: str) -> TwoLayers:
    return TwoLayers(torch.as_tensor(case[f"{key}_first"]), torch.as_tensor(case[f"{key}_second"]))
