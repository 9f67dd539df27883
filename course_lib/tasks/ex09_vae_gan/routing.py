"""Which network learns from which objective: three gradients out of one pass, each to its own network."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from course_lib.probes.ex09 import OLD_GRADIENT, left_by_routing, routing_pass, tiny_networks
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator, normal
from course_lib.tasks.parts import in_words, made_of

_F32, _F64 = torch.float32, torch.float64
Networks = Mapping[str, nn.Module]
Scalars = Mapping[str, Tensor]


def step_cases(seed: int) -> list[Case]:
    """Weights of three tiny networks in one vector, images and noise: batches of four and one, float64, and
    images with sides as in the exercise's last cell."""
    source = generator(seed)
    cases: list[Case] = []
    for batch, shape, latent, gamma, dtype in [
        (4, (6,), 2, 0.5, _F32),
        (1, (5,), 3, 2.0, _F32),
        (5, (4,), 2, 0.2, _F64),
        (3, (1, 2, 3), 2, 0.1, _F32),
    ]:
        size = sum(p.numel() for p in tiny_networks(shape, latent).parameters())
        cases.append(
            {
                "weights": away_from_zero((size,), source, 0.2, 0.9, dtype),
                "x": 0.5 + 0.5 * away_from_zero((batch, *shape), source, 0.1, 0.9, dtype),
                "eps": normal((batch, latent), source, dtype),
                "z_prior": normal((batch, latent), source, dtype),
                "gamma": gamma,
            }
        )
    return cases


def _routing_cases(seed: int) -> list[Case]:
    return [{name: x for name, x in case.items() if name != "gamma"} for case in step_cases(seed)]


def set_gradients(network: nn.Module, gradients: tuple[Tensor, ...]) -> None:
    for parameter, gradient in zip(network.parameters(), gradients, strict=True):
        parameter.grad = gradient


def route(objectives: Scalars, networks: Networks) -> None:
    """Leave in each network the gradient of its own objective, whatever stood there before."""
    for name, network in networks.items():
        set_gradients(
            network, torch.autograd.grad(objectives[name], list(network.parameters()), retain_graph=True)
        )


def route_from(source: Mapping[str, Callable[[Scalars], Tensor]]) -> Callable[[Scalars, Networks], None]:
    """A wrong way: each network gets the gradient of what ``source`` makes of the objectives for it."""
    return lambda objectives, networks: route({name: source[name](objectives) for name in networks}, networks)


def backward_only_into_own(objectives: Scalars, networks: Networks) -> None:
    for name, network in networks.items():
        network.zero_grad()
        objectives[name].backward(inputs=list(network.parameters()), retain_graph=True)


def backward_and_keep_own(objectives: Scalars, networks: Networks) -> None:
    kept = {}
    for name, network in networks.items():
        for other in networks.values():
            other.zero_grad()
        objectives[name].backward(retain_graph=True)
        kept[name] = tuple(p.grad for p in network.parameters() if p.grad is not None)
    for name, network in networks.items():
        set_gradients(network, kept[name])


def _onto_old(objectives: Scalars, networks: Networks) -> None:
    for name, network in networks.items():
        objectives[name].backward(inputs=list(network.parameters()), retain_graph=True)


def _all_into_all(objectives: Scalars, networks: Networks, clear: bool) -> None:
    for network in networks.values():
        if clear:
            network.zero_grad()
    for name in networks:
        objectives[name].backward(retain_graph=True)


def _last_into_all(objectives: Scalars, networks: Networks) -> None:
    for name in networks:
        for network in networks.values():
            network.zero_grad()
        objectives[name].backward(retain_graph=True)


def in_turn(objectives: Scalars, networks: Networks) -> None:
    """Each network is cleared just before its own objective's backward, and the later ones leak into it."""
    for name, network in networks.items():
        network.zero_grad()
        objectives[name].backward(retain_graph=True)


def total(objectives: Scalars) -> Tensor:
    return torch.stack(list(objectives.values())).sum()


def only_two(objectives: Scalars) -> Tensor:
    return objectives["encoder"] + objectives["decoder"]


OWN: dict[str, Callable[[Scalars], Tensor]] = {
    "encoder": lambda o: o["encoder"],
    "decoder": lambda o: o["decoder"],
    "discriminator": lambda o: o["discriminator"],
}


def gradient_in(network: str, outputs: Outputs) -> Tensor:
    """All that was left in one network, in a vector."""
    return torch.cat(
        [x.flatten() for name, x in outputs.items() if name.startswith(f"the gradient left in {network}.")]
    )


def gradient_of(value: Tensor, network: nn.Module) -> Tensor:
    """The gradient by the weights of one network in a vector, zeros where there is none."""
    found = torch.autograd.grad(
        value, list(network.parameters()), retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return torch.cat([gradient.flatten() for gradient in found])


def _whose(case: Case, expected: Outputs, got: Outputs) -> str:
    """Whose objectives the gradient is made of that was left in each network, where it isn't its own."""
    networks, objectives = routing_pass(case)
    told = []
    for name, network in networks.items():
        came = gradient_in(name, got)
        if torch.allclose(came, gradient_in(name, expected), rtol=1e-3, atol=1e-5):
            continue
        parts = {
            "its own objective" if key == name else f"the {key}'s objective": gradient_of(value, network)
            for key, value in objectives.items()
        }
        factors = made_of(came, parts | {"what stood there before": torch.full_like(came, OLD_GRADIENT)})
        said = "something that is made of no objective" if factors is None else in_words(factors)
        told.append(f"in the {name} there is {said}")
    return "; ".join(told) + ". It should be its own objective's gradient, once, and nothing else."


ROUTE_GRADIENTS = Task(
    name="route_gradients",
    explain=_whose,
    points=3,
    cases=_routing_cases,
    probe=left_by_routing,
    reference=route,
    alternatives=(backward_only_into_own, backward_and_keep_own),
    mistakes=(
        Mistake(
            lambda objectives, networks: _all_into_all(objectives, networks, clear=False),
            "every objective went into every network, on top of what stood in .grad before. "
            "loss.backward() fills all the weights that the loss depends on, and it adds.",
        ),
        Mistake(
            lambda objectives, networks: _all_into_all(objectives, networks, clear=True),
            "every objective went into every network: the gradients of all three have added up. "
            "loss.backward() fills all the weights that the loss depends on.",
        ),
        Mistake(
            in_turn,
            "each network was cleared before its own objective came, but the objectives after it leaked in "
            "as well: loss.backward() fills all the weights that the loss depends on, not only those you "
            "think of.",
        ),
        Mistake(
            _last_into_all,
            "only the last objective is left, in all three networks: clearing everything before each "
            "backward throws the earlier gradients away.",
        ),
        Mistake(
            _onto_old,
            "each objective went into its own network only, but on top of what stood in .grad before. "
            "Gradients of an earlier step have to go first.",
        ),
        Mistake(
            route_from(OWN | {"encoder": only_two, "decoder": only_two}),
            "encoder and decoder are treated as one network, the VAE: each got the sum of the two "
            "objectives. Here they have different ones, and the encoder must not see the decoder's.",
        ),
        Mistake(
            route_from(OWN | {"encoder": only_two}),
            "the encoder got the decoder's objective as well as its own.",
        ),
        Mistake(
            route_from(OWN | {"decoder": only_two}),
            "the decoder got the encoder's objective as well as its own.",
        ),
        Mistake(
            route_from(OWN | {"decoder": lambda o: o["decoder"] + o["discriminator"]}),
            "the discriminator's objective leaked into the decoder: it works for its opponent. The images "
            "that the discriminator judges were made by the decoder, so a plain backward gets there.",
        ),
        Mistake(
            route_from(OWN | {"discriminator": lambda o: o["discriminator"] + o["decoder"]}),
            "the decoder's objective leaked into the discriminator.",
        ),
        Mistake(
            route_from(OWN | {"encoder": OWN["decoder"], "decoder": OWN["encoder"]}),
            "encoder and decoder got each other's objectives.",
        ),
        Mistake(
            route_from(dict.fromkeys(OWN, lambda o: total(o) / 3)),
            "every network got the mean of the three objectives.",
        ),
        Mistake(
            lambda objectives, networks: route({name: -o for name, o in objectives.items()}, networks),
            "the gradients have the wrong sign. Leave the gradient itself; that it is followed downhill is "
            "the optimiser's part.",
        ),
    ),
)
