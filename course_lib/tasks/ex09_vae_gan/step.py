"""A whole step of the VAE-GAN, and the ways in which a step goes wrong without a sound."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.objectives import VAEGANLosses, vae_gan_losses
from course_lib.probes.ex09 import built, left_by_step
from course_lib.tasks.core import Case, Mistake, Outputs, Task
from course_lib.tasks.ex09_vae_gan.routing import (
    OWN,
    Networks,
    Scalars,
    backward_and_keep_own,
    backward_only_into_own,
    gradient_in,
    gradient_of,
    in_turn,
    only_two,
    route,
    route_from,
    set_gradients,
    step_cases,
    total,
)
from course_lib.tasks.parts import in_words, made_of


def _losses(
    networks: Networks,
    x: Tensor,
    eps: Tensor,
    z_prior: Tensor,
    gamma: float,
    *,
    detached: str = "",
    wrong_error: bool = False,
) -> VAEGANLosses:
    """The parts of one pass. ``detached`` names what is cut out of the graph: ``images`` or ``code``."""
    mu, logvar = networks["encoder"](x).chunk(2, dim=1)
    z = mu + torch.exp(0.5 * logvar) * eps
    x_hat = torch.sigmoid(networks["decoder"](z.detach() if detached == "code" else z))
    x_prior = torch.sigmoid(networks["decoder"](z_prior))
    discriminator: Any = networks["discriminator"]
    judged_hat, judged_prior = (x_hat.detach(), x_prior.detach()) if detached == "images" else (x_hat, x_prior)
    features, features_hat = discriminator.features(x), discriminator.features(x_hat)
    losses = vae_gan_losses(
        mu=mu,
        logvar=logvar,
        features=features,
        features_hat=features_hat,
        logits=discriminator(x),
        logits_hat=discriminator(judged_hat),
        logits_prior=discriminator(judged_prior),
        gamma=gamma,
    )
    if not wrong_error:
        return losses
    error = F.mse_loss(features_hat, features).expand(len(x))
    return VAEGANLosses(losses.kl, error, losses.fool, losses.tell, gamma=gamma)


def _step(
    router: Callable[[Scalars, Networks], None] = route,
    objectives: Callable[[VAEGANLosses], Scalars] | None = None,
    **changes: Any,
) -> Callable[..., None]:
    """A step: one pass, objectives made of its parts, a way to spread their gradients. The defaults are right."""

    def step(networks: Networks, x: Tensor, eps: Tensor, z_prior: Tensor, gamma: float) -> None:
        parts = _losses(networks, x, eps, z_prior, gamma, **changes)
        router((objectives or _changed())(parts), networks)

    return step


def _changed(**changes: Callable[[VAEGANLosses], Tensor]) -> Callable[[VAEGANLosses], Scalars]:
    """The right objectives, but for those of the networks named."""
    return lambda parts: {name: changes[name](parts) if name in changes else getattr(parts, name) for name in OWN}


def _keep_adding(cleared: tuple[str, ...]) -> Callable[[Scalars, Networks], None]:
    """Backward three times; before its own one a network is cleared if it is named."""

    def router(objectives: Scalars, networks: Networks) -> None:
        for name, network in networks.items():
            if name in cleared:
                network.zero_grad()
            objectives[name].backward(retain_graph=True)

    return router


def _one_network_at_a_time(networks: Networks, x: Tensor, eps: Tensor, z_prior: Tensor, gamma: float) -> None:
    """A pass for each network, with the weights of the others frozen."""
    kept: dict[str, tuple[Tensor, ...]] = {}
    for name, network in networks.items():
        for other in networks.values():
            other.requires_grad_(other is network)
        parts = _losses(networks, x, eps, z_prior, gamma)
        kept[name] = torch.autograd.grad(getattr(parts, name), list(network.parameters()))
    for name, network in networks.items():
        network.requires_grad_(True)
        set_gradients(network, kept[name])


def _factors(case: Case, expected: Outputs, got: Outputs) -> str:
    """The table of factors under the exercise: what the gradient left in each network is made of."""
    networks, x, eps, z_prior = built(case)
    parts_of = _named(networks, x, eps, z_prior, _losses(dict(networks.items()), x, eps, z_prior, 1.0))
    told = []
    for name, network in networks.items():
        came, right = gradient_in(name, got), gradient_in(name, expected)
        if torch.allclose(came, right, rtol=1e-3, atol=1e-5):
            continue
        parts = {what: gradient_of(value.mean(), network) for what, value in parts_of.items()}
        factors = made_of(came, parts)
        said = "made of no part of the objectives" if factors is None else in_words(factors)
        told.append(f"the {name} was left with {said}; it should be {in_words(made_of(right, parts) or {})}")
    return ". ".join(told) + "."


def _named(networks: nn.ModuleDict, x: Tensor, eps: Tensor, z_prior: Tensor, p: VAEGANLosses) -> Scalars:
    """The parts of the objectives, by the exercise's names; the whole ones before their halves."""
    mu, logvar = networks["encoder"](x).chunk(2, dim=1)
    hat = networks["discriminator"](torch.sigmoid(networks["decoder"](mu + torch.exp(0.5 * logvar) * eps)))
    prior = networks["discriminator"](torch.sigmoid(networks["decoder"](z_prior)))
    return {
        "the KL": p.kl,
        "the feature error": p.feature_error,
        "fool": p.fool,
        "tell": p.tell,
        "fool with reconstructions": F.softplus(-hat),
        "fool with samples of the prior": F.softplus(-prior),
        "tell real images": F.softplus(-networks["discriminator"](x)),
        "tell reconstructions": F.softplus(hat),
        "tell samples of the prior": F.softplus(prior),
    }


REPAIRED_STEP = Task(
    name="repaired_step",
    explain=_factors,
    points=3,
    cases=step_cases,
    probe=left_by_step,
    reference=_step(),
    alternatives=(_step(backward_only_into_own), _step(backward_and_keep_own), _one_network_at_a_time),
    mistakes=(
        Mistake(
            _step(in_turn, wrong_error=True),
            "this is the step as it was, with both faults. Look at what each backward fills, and at what "
            "mse_loss does with the features and the batch.",
        ),
        Mistake(
            _step(in_turn),
            "the feature error is repaired, the routing isn't. The later backward calls still reach back "
            "through the images: the decoder is pulled along by the discriminator's objective, with the "
            "wrong sign.",
        ),
        Mistake(
            _step(wrong_error=True),
            "the routing is repaired, the feature error isn't: mse_loss averages over the features and the "
            "batch, so its weight against the KL depends on how wide the layer is.",
        ),
        Mistake(
            _step(_keep_adding(("decoder", "discriminator")), detached="images"),
            "you detached the images for the decoder's objective too. The discriminator's no longer leaks, "
            "but nothing is left that tells the decoder how to fool it, and the encoder still gets the "
            "decoder's feature error.",
        ),
        Mistake(
            _step(detached="images"),
            "decoded images are detached wherever the discriminator judges them, so the decoder gets no "
            "adversarial gradient at all. It must pass on the way to the decoder, and only there.",
        ),
        Mistake(
            _step(detached="code"),
            "the code is detached before it is decoded. That keeps the adversarial loss from the encoder, "
            "but the feature error as well, and the encoder is left with the KL alone.",
        ),
        Mistake(
            _step(route_from(OWN | {"encoder": only_two})),
            "the encoder still gets the decoder's objective, and with it the reward for fooling the "
            "discriminator.",
        ),
        Mistake(
            _step(route_from(OWN | {"encoder": total})),
            "the decoder is repaired, but the encoder still gets all three objectives.",
        ),
        Mistake(
            _step(route_from(OWN | {"decoder": lambda o: o["decoder"] + o["discriminator"]})),
            "the encoder is repaired, but the discriminator's objective still reaches the decoder: its "
            "adversarial gradient is cancelled where the discriminator is in doubt, and turned round where "
            "it is fooled.",
        ),
        Mistake(
            _step(route_from(OWN | {"decoder": only_two})),
            "the decoder gets the encoder's objective as well, so the feature error counts 1 + gamma times.",
        ),
        Mistake(
            _step(route_from(OWN | {"discriminator": total})),
            "the discriminator gets all three objectives. It was the one network that the old step treated "
            "right: it was cleared just before its own backward.",
        ),
        Mistake(
            _step(_keep_adding(())),
            "nothing is cleared between the backward calls, so all three objectives add up in all three networks.",
        ),
        Mistake(
            _step(objectives=_changed(decoder=lambda p: (p.gamma * p.feature_error + p.tell).mean())),
            "the decoder descends the discriminator's own loss: the wrong adversarial sign.",
        ),
        Mistake(
            _step(objectives=_changed(decoder=lambda p: (p.gamma * p.feature_error - p.fool).mean())),
            "the sign of the decoder's adversarial part is turned round.",
        ),
        Mistake(
            _step(objectives=_changed(decoder=lambda p: (p.feature_error + p.fool).mean())),
            "gamma is missing from the decoder's objective.",
        ),
    ),
)
