r"""A surrogate loss for two kinds of chance at once: a component is chosen, then a number is drawn from its Gaussian.

The gradient of :math:`\mathbb E_{c \sim p(c)} \mathbb E_{z \sim N(\mu_c, \sigma_c^2)}[f(z)]` is the mean of

.. math:: \nabla f(\mu_c + \sigma_c \varepsilon) + f(z)\, \nabla \log p(c)

with :math:`f(z)` a plain number in the second term (Schulman, Heess, Weber & Abbeel 2015, arXiv:1506.05254, theorem 1).
Its value is nobody's business, so only gradients are compared.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Categorical, Normal

from course_lib.probes.ex04 import surrogate_gradients
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator
from course_lib.tasks.parts import in_words, made_of

_F32, _F64 = torch.float32, torch.float64
Answer = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, float], Tensor]


def _cases(seed: int) -> list[Case]:
    """Several draws, one draw, float64; every component drawn where there are draws enough, not equally often."""
    source = generator(seed)
    cases: list[Case] = []
    for num_components, num_draws, target, dtype in [(3, 7, 0.8, _F32), (4, 1, -0.7, _F32), (2, 5, 1.3, _F64)]:
        logits, mu, logvar = (
            away_from_zero((num_components,), source, dtype=dtype).requires_grad_() for _ in range(3)
        )
        component = torch.arange(num_draws) % num_components
        component = component[torch.randperm(num_draws, generator=source)]
        eps = away_from_zero((num_draws,), source, dtype=dtype)
        cases.append(
            {
                "logits": logits,
                "mu": mu,
                "logvar": logvar,
                "component": component,
                "eps": eps,
                "target": target,
            }
        )
    return cases


def _with(
    std: Callable[[Tensor], Tensor] = lambda logvar: torch.exp(0.5 * logvar),
    log_prob: Callable[[Tensor, Tensor], Tensor] = lambda logits, c: logits.log_softmax(0)[c],
    loss: Callable[[Tensor, Tensor], Tensor] = lambda cost, log_p: (cost + cost.detach() * log_p).mean(),
    draw: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda mu, std, eps: mu + std * eps,
) -> Answer:
    """The surrogate with one part changed: the scale, the choice's log-probability, how costs and these make the loss,
    how z is drawn."""

    def answer(
        logits: Tensor, mu: Tensor, logvar: Tensor, component: Tensor, eps: Tensor, target: float
    ) -> Tensor:
        z = draw(mu[component], std(logvar[component]), eps)
        return loss((z - target).square(), log_prob(logits, component))

    return answer


repaired_surrogate = _with()


def _by_distributions(
    logits: Tensor, mu: Tensor, logvar: Tensor, component: Tensor, eps: Tensor, target: float
) -> Tensor:
    """The same with a value that is the mean cost: the log-probability minus itself."""
    score = Categorical(logits=logits).log_prob(component)
    z = Normal(mu, torch.exp(logvar / 2)).loc[component] + eps * logvar[component].exp().sqrt()
    cost = (z - target) ** 2
    return (cost + cost.detach() * (score - score.detach())).mean()


def _both_densities(
    logits: Tensor, mu: Tensor, logvar: Tensor, component: Tensor, eps: Tensor, target: float
) -> Tensor:
    """The score of the Gaussian as well as the path through it: what is one gradient counts twice."""
    z = mu[component] + torch.exp(0.5 * logvar[component]) * eps
    density = Normal(mu[component], torch.exp(0.5 * logvar[component])).log_prob(z.detach())
    cost = (z - target).square()
    return (cost + cost.detach() * (logits.log_softmax(0)[component] + density)).mean()


def _only_densities(
    logits: Tensor, mu: Tensor, logvar: Tensor, component: Tensor, eps: Tensor, target: float
) -> Tensor:
    z = (mu[component] + torch.exp(0.5 * logvar[component]) * eps).detach()
    density = Normal(mu[component], torch.exp(0.5 * logvar[component])).log_prob(z)
    return ((z - target).square() * (logits.log_softmax(0)[component] + density)).mean()


def _leaving_one_out(cost: Tensor, log_p: Tensor) -> Tensor:
    """With the mean cost of the other draws as baseline, or none where there are no others."""
    others = (cost.sum() - cost) / max(len(cost) - 1, 1)
    return (cost + (cost - others).detach() * log_p).mean()


def _costs(mu: Tensor, logvar: Tensor, target: float) -> Tensor:
    """The mean cost of each component, (C,)."""
    return (mu - target).square() + logvar.exp()


def _chosen_mean(
    logits: Tensor, mu: Tensor, logvar: Tensor, component: Tensor, eps: Tensor, target: float
) -> Tensor:
    cost = _costs(mu, logvar, target)[component]
    return (cost + cost.detach() * logits.log_softmax(0)[component]).mean()


def _closed_form(
    logits: Tensor, mu: Tensor, logvar: Tensor, component: Tensor, eps: Tensor, target: float
) -> Tensor:
    return logits.softmax(0) @ _costs(mu, logvar, target)


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """What the gradient is made of, if of the path, the score and what flows back through the cost in the score."""
    names = list(expected)
    parts = {
        "the path's gradient": _with(loss=lambda cost, log_p: cost.mean()),
        "the score's gradient": _with(loss=lambda cost, log_p: (cost.detach() * log_p).mean()),
        "the gradient that flows through the cost in the score's term": _with(
            loss=lambda cost, log_p: (cost * log_p.detach()).mean()
        ),
    }
    found = made_of(
        torch.cat([got[name].flatten() for name in names]),
        {part: _flat(answer, case, names) for part, answer in parts.items()},
    )
    if found:
        return (
            f"its gradient is {in_words(found)}. It should be the path's gradient plus the score's, each once, and "
            "nothing else."
        )
    off = [
        name.rsplit(" ", 1)[-1]
        for name in names
        if not torch.allclose(got[name], expected[name], rtol=1e-3, atol=1e-4)
    ]
    right = [name.rsplit(" ", 1)[-1] for name in names if name.rsplit(" ", 1)[-1] not in off]
    if right:
        baseline = " If a baseline is subtracted from the cost, leave it out." if off == ["logits"] else ""
        return (
            f"the gradient with respect to {' and '.join(right)} is right, that with respect to "
            f"{' and '.join(off)} isn't.{baseline}"
        )
    return ""


def _flat(answer: Answer, case: Case, names: list[str]) -> Tensor:
    given = {name: x.detach().clone() if isinstance(x, Tensor) else x for name, x in case.items()}
    wanted = [given[name.rsplit(" ", 1)[-1]].requires_grad_() for name in names]  # type: ignore[union-attr]
    value = answer(*given.values())  # type: ignore[arg-type]
    found = torch.autograd.grad(value, wanted, allow_unused=True, materialize_grads=True)
    return torch.cat([gradient.flatten() for gradient in found])


_VARIANCE_AS_STD = torch.exp
_COST_IN_GRAPH: Callable[[Tensor, Tensor], Tensor] = lambda cost, log_p: (cost + cost * log_p).mean()  # noqa: E731

REPAIRED_SURROGATE = Task(
    name="repaired_surrogate",
    points=3,
    cases=_cases,
    reference=repaired_surrogate,
    alternatives=(
        _by_distributions,
        _with(loss=lambda cost, log_p: cost.mean() + torch.dot(cost.detach(), log_p) / len(cost)),
    ),
    probe=surrogate_gradients,
    explain=_told,
    rtol=5e-4,
    atol=5e-5,
    mistakes=(
        Mistake(
            _with(std=_VARIANCE_AS_STD, loss=_COST_IN_GRAPH),
            "both faults are still there. The first test, with one component, has no choice and shows the fault of the "
            "draw; the second, where every logvar is 0, shows that of the score's term.",
        ),
        Mistake(
            _with(std=_VARIANCE_AS_STD),
            "one fault is left: the noise is scaled by exp(logvar), the variance. The first test shows it.",
        ),
        Mistake(
            _with(loss=_COST_IN_GRAPH),
            "one fault is left: in the score's term a gradient flows through the cost too. There the cost is a plain "
            "number that says how good the choice was; its own gradient is in the first term already.",
        ),
        Mistake(
            _with(loss=lambda cost, log_p: cost.mean()),
            "the logits get no gradient, so the choice is never learned: the score's term is gone, or its "
            "log-probability is detached. It is the cost beside it that is a plain number.",
        ),
        Mistake(
            _with(loss=lambda cost, log_p: (cost.detach() * log_p).mean()),
            "mu and logvar get no gradient: the path's term is gone, or cut off. Only the cost beside the "
            "log-probability is a plain number.",
        ),
        Mistake(
            _with(loss=lambda cost, log_p: (cost.detach() + cost * log_p).mean()),
            "the two costs changed roles, or only one is left. The first term is the path, which needs its gradient; "
            "in the score's term the cost is a plain number.",
        ),
        Mistake(
            _with(loss=lambda cost, log_p: (cost - cost.detach() * log_p).mean()),
            "the sign of the score's term is turned round: it makes costly choices more probable. A cost is minimised, "
            "and both terms are added.",
        ),
        Mistake(
            _with(loss=lambda cost, log_p: cost.mean() + cost.detach().mean() * log_p.mean()),
            "the mean cost stands beside the mean log-probability. Each draw's cost belongs to that draw's own choice: "
            "multiply first, average then.",
        ),
        Mistake(
            _with(loss=_leaving_one_out),
            "the mean cost of the other draws was subtracted as a baseline. That is unbiased and less noisy, but not "
            "one of the two faults: leave the score's term without a baseline.",
        ),
        Mistake(
            _chosen_mean,
            "the cost is each chosen component's mean cost, without the noise. That is unbiased too, but another "
            "estimate: this one is to use the draws z, as the friend's does.",
        ),
        Mistake(
            _closed_form,
            "this is the mean cost in closed form. Its gradient is exact, but needs no draws; asked for was the "
            "estimate out of component and eps, with two faults of the friend's repaired.",
        ),
        Mistake(
            _with(std=lambda logvar: torch.exp(2 * logvar)),
            "the scale is exp(2 * logvar), the square of the variance. A standard deviation is its root.",
        ),
        Mistake(
            _with(loss=lambda cost, log_p: (cost + (cost - cost.mean()).detach() * log_p).mean()),
            "a baseline was added that holds each draw's own cost, so the logits' gradient is too small. Neither a "
            "baseline nor its lack is one of the two faults.",
        ),
        Mistake(
            _with(loss=lambda cost, log_p: (cost + cost.detach() * log_p).sum()),
            "the draws are added up. Their mean was asked for.",
        ),
        Mistake(
            _with(loss=lambda cost, log_p: (cost + log_p).mean()),
            "the log-probability stands there without its cost: it would make all choices that were drawn improbable, "
            "good or bad.",
        ),
        Mistake(
            _with(log_prob=lambda logits, c: logits.softmax(0)[c]),
            "the probability stands where its logarithm belongs: the score is the gradient of log p(c).",
        ),
        Mistake(
            _with(log_prob=lambda logits, c: logits[c]),
            "a logit stands where log p(c) belongs: logits become log-probabilities by log_softmax.",
        ),
        Mistake(
            _with(log_prob=lambda logits, c: logits[c].log_softmax(0)),
            "log_softmax runs over the draws: the logits were picked before it. It runs over the components; then the "
            "chosen one is picked.",
        ),
        Mistake(
            _both_densities,
            "z's Gaussian has its score and its path: its gradient counts twice. The path through z is enough; only "
            "the choice, which has no path, needs a score.",
        ),
        Mistake(
            _only_densities,
            "z is detached and its Gaussian has a score in place of the path. That is unbiased too, and much noisier; "
            "the path was right in the friend's function.",
        ),
        Mistake(
            _with(std=lambda logvar: 0.5 * logvar.exp()),
            "the scale is half of the variance. The one half belongs inside the exp, where it takes the root.",
        ),
        Mistake(
            _with(std=lambda logvar: 0.5 * logvar),
            "the exp is missing: 0.5 * logvar is the logarithm of the standard deviation.",
        ),
        Mistake(
            _with(std=lambda logvar: logvar.sqrt()),
            "the square root of logvar was taken, which is nan where logvar is negative. First comes the exp, which "
            "makes a variance of it.",
        ),
        Mistake(_with(std=lambda logvar: logvar), "the noise is scaled by logvar, a logarithm."),
        Mistake(
            _with(std=lambda logvar: torch.exp(-0.5 * logvar)),
            "the sign inside the exp is turned round: a large variance now gives little noise.",
        ),
        Mistake(
            _with(std=lambda logvar: torch.exp(0.5 * logvar).detach()),
            "no gradient reaches logvar: the scale is cut off.",
        ),
        Mistake(
            _with(draw=lambda mu, std, eps: mu + std * eps[:1]),
            "every draw uses the noise of the first one. Each has its own.",
        ),
        Mistake(
            _with(draw=lambda mu, std, eps: mu + std * torch.randn_like(mu)),
            "you drew noise of your own. The draws are given: component and eps.",
        ),
        Mistake(
            _with(draw=lambda mu, std, eps: Normal(mu, std).sample()),
            "z comes from .sample(), which cuts the path: mu and logvar get no gradient. Build z of mu, logvar and the "
            "eps that was given.",
        ),
    ),
)
