r"""What codes cost where groups of numbers may say a little for free: free bits by group, counted in bits.

:math:`\sum_g \max\big(\lambda, \frac1B \sum_b \sum_{d \in g} D_{KL}(q_{bd}\,\|\,\mathcal N(0, 1))\big)` (Kingma et al.
2016, arXiv:1606.04934, appendix C.8), with :math:`\lambda` in bits, that is :math:`\log 2` nats each.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from course_lib.objectives import kl_per_dimension
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64
_BIT = math.log(2)  # nats
_GROUPS = ((0, 1, 0, 2, 1, 0), (1, 0, 0, 0), (0, 1, 1, 0, 1, 1))
_MARGIN = 0.12  # of the floor, by which no group may miss it

Answer = Callable[[Tensor, Tensor, Tensor, float], Tensor]


def _cases(seed: int) -> list[Case]:
    """Four images, one, and float64; in each one group lies below the floor, and another above."""
    source = generator(seed)
    cases: list[Case] = []
    for batch, groups, dtype in zip((4, 1, 5), _GROUPS, (_F32, _F32, _F64), strict=True):
        group = torch.tensor(groups)
        while True:
            mu, logvar = (away_from_zero((batch, len(group)), source, dtype=dtype) for _ in range(2))
            if batch == 4:  # group 2 has one number, which is above the floor in whatever way it is priced
                mu[:, 3] = mu[:, 3].abs() / 2 + 2.6
            kl = kl_per_dimension(mu, logvar)
            each = _by_group(kl, group)  # (B, G)
            lowest, second = each.mean(0).sort().values[:2].tolist()
            floor = 0.5 * (lowest + second)
            crossed = bool(((each > floor) != (each.mean(0) > floor)).any()) or batch == 1
            if second - floor > _MARGIN * floor and crossed and floor < 2.4:
                break
        free_bits = round(floor / _BIT, 4)
        cases.append(
            {"mu": mu.requires_grad_(), "logvar": logvar.requires_grad_(), "group": group, "free_bits": free_bits}
        )
    return cases


def _by_group(kl: Tensor, group: Tensor) -> Tensor:
    """Sums of the columns of each group, (B, G)."""
    return torch.stack([kl[:, group == g].sum(1) for g in range(int(group.max()) + 1)], dim=1)


def _put(
    kl: Callable[[Tensor, Tensor], Tensor] = kl_per_dimension,
    grouped: Callable[[Tensor, Tensor], Tensor] = _by_group,
    floor: Callable[[float], float] = lambda bits: bits * _BIT,
    price: Callable[[Tensor, float], Tensor] = lambda each, floor: each.mean(0).clamp(min=floor).sum(),
) -> Answer:
    """The price with one part changed: the divergence, the groups, the floor in nats, mean and floor and sum."""
    return lambda mu, logvar, group, free_bits: price(grouped(kl(mu, logvar), group), floor(free_bits))


group_price = _put()


def _by_distributions(mu: Tensor, logvar: Tensor, group: Tensor, free_bits: float) -> Tensor:
    """Another style: the mean first, then sums by index."""
    kl = kl_divergence(Normal(mu, torch.exp(0.5 * logvar)), Normal(0.0, 1.0)).mean(0)
    sums = kl.new_zeros(int(group.max()) + 1).index_add(0, group, kl)
    return torch.maximum(sums, sums.new_tensor(free_bits * _BIT)).sum()


def _formula(
    square: Callable[[Tensor], Tensor] = torch.square,
    variance: Callable[[Tensor], Tensor] = torch.exp,
    log: float = 1.0,
    one: float = 1.0,
    half: float = 0.5,
) -> Answer:
    return _put(kl=lambda mu, logvar: half * (square(mu) + variance(logvar) - one - log * logvar))


def _reading(read: Callable[[Tensor], Tensor]) -> Answer:
    return _put(kl=lambda mu, logvar: kl_per_dimension(mu, read(logvar)))


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """How the gradient of each group's price compares with that of its mean KL."""
    mu, group, free_bits = case["mu"], case["group"], float(case["free_bits"])
    logvar = case["logvar"]
    assert isinstance(mu, Tensor)
    assert isinstance(logvar, Tensor)
    assert isinstance(group, Tensor)
    gradient = next((x for name, x in got.items() if name.endswith("mu")), None)
    if gradient is None:
        return ""
    prices = _by_group(kl_per_dimension(mu, logvar), group).mean(0).detach()
    ratio = gradient.double() / (mu.detach().double() / len(mu))
    said = []
    for g, price in enumerate(prices.tolist()):
        own = ratio[:, group == g].flatten()
        if (own - own[0]).abs().max() > 1e-3 * (1 + own[0].abs()):
            return ""
        should = float(price > free_bits * _BIT)
        if abs(own[0] - should) > 1e-3:
            where = "above" if should else "below"
            said.append(
                f"group {g} lies {where} the floor, so the gradient with respect to its means should be {should:g} "
                f"times that of its mean KL; it is {own[0]:.3g} times"
            )
    return "; ".join(said) + "." if said else ""


GROUP_PRICE = Task(
    name="group_price",
    points=2,
    cases=_cases,
    reference=group_price,
    alternatives=(
        _by_distributions,
        _put(grouped=lambda kl, group: kl @ torch.eye(int(group.max()) + 1, dtype=kl.dtype)[group]),
    ),
    explain=_told,
    mistakes=(
        Mistake(
            _put(price=lambda each, floor: each.clamp(min=floor).mean(0).sum()),
            "the floor was put under each image, and the mean taken after. The mean over the batch comes first: an "
            "image may say nothing, as long as the group says enough on average.",
        ),
        Mistake(
            _put(price=lambda each, floor: each.clamp(min=floor).sum()),
            "the floor was put under each image, and images were added up. First comes the mean over the batch, then "
            "the floor.",
        ),
        Mistake(
            _put(grouped=lambda kl, group: kl),
            "every number brings a floor of its own. Numbers of one group share one, whatever the group's size: "
            "first their KLs "
            "are added up, and free_bits is the floor under the sum.",
        ),
        Mistake(
            _put(price=lambda each, floor: each.mean(0).sum()),
            "this is the plain KL: there is no floor, or one under the whole code, which costs more anyway. Each "
            "group has its "
            "own: one that costs less than free_bits counts as free_bits.",
        ),
        Mistake(
            _put(floor=lambda bits: bits),
            "free_bits was taken for nats. It is in bits, and the KL in nats: a bit is log 2 = 0.69 nats.",
        ),
        Mistake(
            _put(floor=lambda bits: bits / _BIT),
            "bits were divided by log 2. A bit is less than a nat: it is log 2 = 0.69 nats.",
        ),
        Mistake(
            _put(price=lambda each, floor: (each.mean(0) / _BIT).clamp(min=floor / _BIT).sum()),
            "the price is in bits. The floor is given in bits; the price was asked for in nats, like the KL.",
        ),
        Mistake(
            _put(price=lambda each, floor: (each.mean(0) / _BIT).clamp(min=floor).sum()),
            "the KL was turned into bits, and the floor into nats: one of the two is enough. The price is in nats.",
        ),
        Mistake(
            _put(price=lambda each, floor: each.mean(0).clamp(max=floor).sum()),
            "the smaller of price and floor was taken. A floor is a lower limit: clamp(min=...), the larger of the "
            "two.",
        ),
        Mistake(
            _put(price=lambda each, floor: (each.mean(0) - floor).clamp(min=0).sum()),
            "the floor was taken off the price. Its gradient is right, its value isn't: a group below the floor counts "
            "as the floor, and one above as it is.",
        ),
        Mistake(
            _put(price=lambda each, floor: (each.mean(0) + floor).sum()),
            "the floor was added to each price. It is the larger of the two that counts.",
        ),
        Mistake(
            _put(price=lambda each, floor: torch.where(each.mean(0) < floor, 0.0, each.mean(0)).sum()),
            "a group below the floor counts as 0. It counts as the floor: with a jump to 0 there, an optimiser would "
            "win by switching it off.",
        ),
        Mistake(
            _put(price=lambda each, floor: each.mean(0).clamp(min=floor).mean()),
            "the groups were averaged. Independent groups add up.",
        ),
        Mistake(
            _put(price=lambda each, floor: each.sum(0).clamp(min=floor).sum()),
            "the images were added up before the floor. It is put under the mean over the batch.",
        ),
        Mistake(
            _put(
                grouped=lambda kl, group: torch.stack(
                    [kl[:, group == g].mean(1) for g in range(int(group.max()) + 1)], dim=1
                )
            ),
            "the numbers of a group were averaged. The KL of a group is the sum over its numbers.",
        ),
        Mistake(
            _put(grouped=lambda kl, group: kl.reshape(len(kl), int(group.max()) + 1, -1).sum(2)),
            "the code was cut into equal pieces of neighbours. Which group a number is in, `group` says.",
        ),
        Mistake(
            _put(grouped=lambda kl, group: _by_group(kl, group)[:, :-1]),
            "the last group is left out: range(group.max()) ends before it.",
        ),
        Mistake(
            _put(grouped=lambda kl, group: _by_group(kl, group)[:, 1:]),
            "group 0 is left out. Groups are counted from 0.",
        ),
        Mistake(
            _put(price=lambda each, floor: (each.mean(0) + (floor - each.mean(0)).clamp(min=0).detach()).sum()),
            "the value is right, and a group below the floor still has a gradient: the floor was reached by a detached "
            "difference. Below the floor nothing may be won, so there the gradient is 0.",
        ),
        Mistake(
            _put(price=lambda each, floor: each.mean(0).clamp(min=floor).sum().detach()),
            "the value is right, and no gradient comes back: something like .detach(), .item() or a new tensor cuts it "
            "off.",
        ),
        Mistake(
            _put(price=lambda each, floor: -each.mean(0).clamp(min=floor).sum()),
            "the sign is turned round. A price is what is added to the loss, and never below 0.",
        ),
        Mistake(_formula(half=1.0), "the factor one half of the KL is missing."),
        Mistake(_formula(one=0.0), "the 1 in the KL is missing: at mean 0 and variance 1 a code costs nothing."),
        Mistake(
            _formula(log=-1.0), "the sign of logvar in the KL is turned round: a narrow q costs more, not less."
        ),
        Mistake(_formula(log=0.0), "logvar itself is missing in the KL: a narrow q has to pay for its width."),
        Mistake(_formula(square=torch.abs), "the mean enters the KL without its square."),
        Mistake(_formula(square=lambda mu: mu), "the mean enters the KL without its square, and with its sign."),
        Mistake(
            _formula(variance=lambda logvar: torch.exp(0.5 * logvar)),
            "the standard deviation stands in the KL where the variance belongs: exp(logvar).",
        ),
        Mistake(
            _formula(variance=lambda logvar: logvar.square()),
            "logvar was squared to a variance. It is a logarithm: the variance is exp(logvar).",
        ),
        Mistake(
            _reading(lambda logvar: 2 * logvar),
            "logvar was taken for the logarithm of the standard deviation, or variances were given to Normal, which "
            "takes "
            "standard deviations.",
        ),
        Mistake(
            _reading(lambda logvar: 0.5 * logvar),
            "there is a half too much: exp(logvar) is the variance already, and Normal takes its root once.",
        ),
        Mistake(
            _put(kl=lambda mu, logvar: kl_divergence(Normal(0.0, 1.0), Normal(mu, torch.exp(0.5 * logvar)))),
            "this is the divergence of the prior from q. What a code costs is that of q from the prior.",
        ),
        Mistake(
            lambda mu, logvar, group, free_bits: _put()(logvar, mu, group, free_bits),
            "mu and logvar changed places.",
        ),
        Mistake(
            _put(price=lambda each, floor: each.mean(0).clamp(min=floor)),
            "one price for each group came. Their sum was asked for, one number.",
        ),
    ),
)
