r"""How far the best number of a code is ahead of the next in what it says of a factor, from tables of counts.

:math:`\big(I(z_{j^*}; v) - \max_{j \ne j^*} I(z_j; v)\big) / H(v)` with :math:`I = \sum_{kv} p_{kv} \log \frac{p_{kv}}
{p_k\,p_v}` (Chen et al. 2018, arXiv:1802.04942, section 4.1). A cell that is empty adds nothing: :math:`0 \log 0 = 0`.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.tasks.core import Case, Mistake, Outputs, Task, generator

_F32, _F64 = torch.float32, torch.float64
Answer = Callable[[Tensor], Tensor]


def _cases(seed: int) -> list[Case]:
    """Two factors with three numbers, the second one padded; one factor with two numbers; float64, where two numbers
    say the same of the first factor, and have the same table of the last. Empty cells, and bins that are never hit."""
    source = generator(seed)
    cases: list[Case] = []
    for shape, dtype in (((2, 3, 6, 4), _F32), ((1, 2, 5, 3), _F32), ((3, 4, 5, 4), _F64)):
        counts = torch.zeros(shape, dtype=_F64)
        num_factors, num_numbers, num_bins, num_values = shape
        for f in range(num_factors):
            used = num_values - (f == 1)  # the second factor takes fewer values
            shares = 0.4 + torch.rand(used, generator=source, dtype=_F64)
            shares[0] += 1.0
            factor = torch.multinomial(shares, 400, replacement=True, generator=source)
            factor[:used] = torch.arange(used)
            order = torch.randperm(num_numbers, generator=source)
            for d in range(num_numbers):
                # the first of the order follows the factor, the second half as often, others hardly
                follows = (0.85, 0.5, 0.15, 0.05)[int(order[d])]
                chance = torch.randint(num_bins - 1, (400,), generator=source)
                own = torch.rand(400, generator=source) < follows
                bins = torch.where(own, (factor + d) % (num_bins - 1), chance)
                counts[f, d] = _table(bins, factor, num_bins, num_values)
        if num_factors == 3:
            best = int(_information(counts[0]).argmax())
            counts[0, (best + 1) % num_numbers] = counts[0, best].flip(0)  # other bins, the same information
            best = int(_information(counts[2]).argmax())
            counts[2, (best + 1) % num_numbers] = counts[2, best]
        cases.append({"counts": counts.to(dtype)})
    return cases


def _table(bins: Tensor, values: Tensor, num_bins: int, num_values: int) -> Tensor:
    """How often each bin met each value, (K, V)."""
    return torch.bincount(bins * num_values + values, minlength=num_bins * num_values).view(num_bins, num_values)


def _logs(counts: Tensor) -> tuple[Tensor, Tensor]:
    """The shares of the cells, and log p_kv / (p_k p_v), with nan or minus infinity where a cell is empty."""
    joint = counts / counts.sum((-2, -1), keepdim=True)
    return joint, torch.log(joint / (joint.sum(-1, keepdim=True) * joint.sum(-2, keepdim=True)))


def _information(counts: Tensor) -> Tensor:
    """Mutual information of bins and values in nats: (..., K, V) to (...)."""
    joint, logs = _logs(counts)
    return torch.where(joint > 0, joint * logs, 0.0).sum((-2, -1))


def _with_empty(counts: Tensor) -> Tensor:
    """The same without a thought of empty cells."""
    joint, logs = _logs(counts)
    return (joint * logs).sum((-2, -1))


def _entropy(shares: Tensor) -> Tensor:
    """In nats, over the last dimension."""
    return -torch.xlogy(shares, shares).sum(-1)


def _values(counts: Tensor) -> Tensor:
    """H(v), (F,): the same in every number's table."""
    return _entropy(counts[:, 0].sum(1) / counts[:, 0].sum((1, 2))[:, None])


def _gap(information: Tensor) -> Tensor:
    best = information.topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


def _with(
    information: Answer = _information,
    gap: Answer = _gap,
    unit: Answer = _values,
) -> Answer:
    """The gaps with one part changed: what is known, the gap between numbers, the unit."""
    return lambda counts: gap(information(counts)) / unit(counts)


information_gaps = _with()


def _by_entropies(counts: Tensor) -> Tensor:
    """Another style: I = H(z) + H(v) - H(z, v), sorted."""
    rows = []
    for tables in counts:
        p = tables / tables[0].sum()
        values = _entropy(p[0].sum(0))
        known = torch.stack([_entropy(t.sum(1)) + values - _entropy(t.flatten()) for t in p])
        ordered = known.sort(descending=True).values
        rows.append((ordered[0] - ordered[1]) / values)
    return torch.stack(rows)


def _of_best(counts: Tensor) -> Tensor:
    """H of the best number's own bins, (F,)."""
    best = _information(counts).argmax(1)
    tables = counts[torch.arange(len(counts)), best]
    return _entropy(tables.sum(2) / tables.sum((1, 2))[:, None])


def _log_values(counts: Tensor) -> Tensor:
    return torch.full(counts.shape[:1], counts.shape[3], dtype=counts.dtype).log()


def _log_used(counts: Tensor) -> Tensor:
    return (counts[:, 0].sum(1) > 0).sum(1).to(counts.dtype).log()


def _next_below(information: Tensor) -> Tensor:
    """To the best of those that are strictly below the best."""
    best = information.amax(1, keepdim=True)
    below = torch.where(information < best - 1e-9, information, -torch.inf).amax(1)
    return best[:, 0] - torch.where(below.isfinite(), below, best[:, 0])


def _of_first(counts: Tensor) -> Tensor:
    """H of number 0's bins, (F,)."""
    return _entropy(counts[:, 0].sum(2) / counts[:, 0].sum((1, 2))[:, None])


def _of_factors_tables(counts: Tensor) -> Tensor:
    """The gaps, with shares of all the tables of a factor together."""
    p = counts / counts.sum((1, 2, 3), keepdim=True)
    independent = p.sum(3, keepdim=True) * p.sum(2, keepdim=True)
    known = torch.where(p > 0, p * (p / independent).log(), 0.0).sum((2, 3))
    return _gap(known) / _entropy(p[:, 0].sum(1))


def _log_bins(counts: Tensor) -> Tensor:
    return torch.full(counts.shape[:1], counts.shape[2], dtype=counts.dtype).log()


def _conditional(counts: Tensor) -> Tensor:
    """What is left to know of the value where the bin is known, H(v|z), (F, D)."""
    joint = counts / counts.sum((2, 3), keepdim=True)
    return _entropy(joint.flatten(2)) - _entropy(joint.sum(3))


def _unweighted(counts: Tensor) -> Tensor:
    joint, logs = _logs(counts)
    return torch.where(joint > 0, logs, 0.0).sum((2, 3))


def _of_all_tables(counts: Tensor) -> Tensor:
    """With shares of all tables together."""
    joint = counts / counts.sum()
    independent = joint.sum(3, keepdim=True) * joint.sum(2, keepdim=True)
    return torch.where(joint > 0, joint * (joint / independent).log(), 0.0).sum((2, 3))


def _of_counts(counts: Tensor) -> Tensor:
    independent = counts.sum(3, keepdim=True) * counts.sum(2, keepdim=True)
    return torch.where(counts > 0, counts * (counts / independent).log(), 0.0).sum((2, 3))


def _over_factors(known: Tensor) -> Tensor:
    """The gap along the wrong dimension, of as many entries as there are factors, if there are as many."""
    best = known.topk(min(2, len(known)), dim=0).values
    return (best[0] - best[-1])[: len(known)]


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """Whether answers are off by a factor of their own for each factor, which points to the unit."""
    right, came = expected["the value"].double(), got["the value"].double()
    counts = case["counts"]
    assert isinstance(counts, Tensor)
    raw = _gap(_information(counts.double()))
    ok = torch.isclose(came, right, rtol=1e-3, atol=1e-4)
    if bool(ok[right > 1e-6].all()) and not bool(ok.all()):
        return f"two numbers say the same of factor {int((~ok).int().argmax())}, so its gap is 0."
    if bool(ok.any()) and len(ok) > 1:
        return (
            f"the gap of factor {int((~ok).int().argmax())} is wrong, that of {int(ok.int().argmax())} is right."
        )
    big = raw > 1e-6
    unit = raw[big] / came[big]
    if bool((came[big].abs() > 1e-9).all()) and bool((came[~big].abs() < 1e-6).all()) and len(unit) > 1:
        same = bool(torch.isclose(unit, unit[0], rtol=1e-3).all())
        if same:
            return (
                f"the gaps are measured in units of {unit[0]:.3g} nats, where each factor's own entropy belongs."
            )
    return ""


INFORMATION_GAPS = Task(
    name="information_gaps",
    points=3,
    cases=_cases,
    reference=information_gaps,
    alternatives=(_by_entropies,),
    explain=_told,
    rtol=1e-3,
    atol=1e-4,
    mistakes=(
        Mistake(
            _with(_with_empty),
            "nan came: a cell without counts gave 0 · log 0. It adds nothing to a mutual information; let it.",
        ),
        Mistake(
            _with(unit=_log_values),
            "the unit is log V, the entropy of a factor whose V values come equally often. H(v) is that of the counts: "
            "values don't come equally often, and some columns are only padding.",
        ),
        Mistake(
            _with(unit=_log_used),
            "the unit is the logarithm of the number of values, as if they came equally often. H(v) is the entropy "
            "of the "
            "shares that the counts have.",
        ),
        Mistake(
            _with(unit=lambda counts: torch.ones_like(_values(counts))),
            "the gaps are in nats. Divided by H(v), all that there is to know, they become comparable between factors.",
        ),
        Mistake(
            _with(unit=_of_best),
            "the unit is the entropy of the best number's bins. It is that of the factor: how much there is to know.",
        ),
        Mistake(
            _with(unit=_of_first),
            "the unit is the entropy of a number's bins. It is that of the factor: how much there is to know. In a "
            "table (K, V) the sum over bins, dimension 0, leaves the factor's values.",
        ),
        Mistake(
            _with(unit=lambda counts: _information(counts).amax(1)),
            "the gap is measured in units of the best number's information. The unit is all that there is to know, "
            "H(v).",
        ),
        Mistake(
            _with(unit=_log_bins),
            "the unit is log K, the entropy of bins that are hit equally often. It is the factor's entropy, H(v).",
        ),
        Mistake(
            _with(unit=lambda counts: _information(counts).sum(1)),
            "the gap is measured in units of what all numbers say together. The unit is all that there is to know, "
            "H(v).",
        ),
        Mistake(
            _with(unit=lambda counts: -_values(counts)),
            "the sign is turned round: a gap is never below 0. Either the two best are subtracted the wrong way "
            "round, or the "
            "entropy lacks its minus: it is minus the sum of p log p.",
        ),
        Mistake(
            _with(unit=lambda counts: _values(counts) / torch.tensor(2.0, dtype=counts.dtype).log()),
            "one logarithm is to base 2 and the other a natural one: entropy in bits, information in nats.",
        ),
        Mistake(
            _with(lambda counts: _information(counts) / torch.tensor(2.0, dtype=counts.dtype).log()),
            "one logarithm is to base 2 and the other a natural one: information in bits, entropy in nats.",
        ),
        Mistake(
            _with(gap=lambda known: known.amax(1)),
            "this is what the best number says, without the gap. Taken off is what the second best says.",
        ),
        Mistake(
            _with(gap=lambda known: known.amax(1) - known.mean(1)),
            "the mean of all numbers was taken off. It is the second best that counts.",
        ),
        Mistake(
            _with(gap=lambda known: known.amax(1) - (known.sum(1) - known.amax(1)) / (known.shape[1] - 1)),
            "the mean of the other numbers was taken off. It is the second best that counts.",
        ),
        Mistake(
            _with(gap=lambda known: known.amax(1) - known.amin(1)),
            "the smallest was taken off. It is the second best that counts: how far the best is ahead.",
        ),
        Mistake(
            _with(gap=lambda known: known[:, 0] - known[:, 1]),
            "the gap is between numbers 0 and 1, whichever are best. Sort first.",
        ),
        Mistake(
            _with(gap=lambda known: known.sort(1).values[:, 0] - known.sort(1).values[:, 1]),
            "sort puts the smallest first, so this is the gap between the two that know least.",
        ),
        Mistake(
            _with(gap=_next_below),
            "where two numbers say the same, the gap is 0. You took the best of those that say strictly less.",
        ),
        Mistake(
            _with(gap=lambda known: 2 * known.amax(1) - known.sum(1)),
            "all other numbers were taken off together. It is the second best alone that counts.",
        ),
        Mistake(
            lambda counts: information_gaps(counts).mean(),
            "the gaps were averaged over factors. One for each was asked for, (F,); their mean is the MIG.",
        ),
        Mistake(
            _with(gap=_over_factors),
            "the two best were looked for over the factors, not over the numbers. In (F, D) the numbers are "
            "dimension 1.",
        ),
        Mistake(
            _with(lambda counts: -_information(counts)),
            "the two that know least came out as the best. Either the sign of the information is turned round (it is "
            "log p_kv "
            "minus log p_k p_v), or H(v|z), what is left to know, stands where H(v) - H(v|z) belongs.",
        ),
        Mistake(
            _with(lambda counts: _conditional(counts.transpose(2, 3))),
            "this is the gap between entropies, H(z|v) or H(z, v), not between informations: I = H(z) + H(v) - H(z, "
            "v).",
        ),
        Mistake(
            _with(lambda counts: _entropy(counts.sum(3) / counts.sum((2, 3))[..., None])),
            "this is the entropy of the bins, whatever the factor. The information is what bin and value share.",
        ),
        Mistake(
            _with(_unweighted),
            "the logarithms aren't weighted by how often a cell is hit: each stands with its p_kv.",
        ),
        Mistake(
            _with(lambda counts: _information(counts + 1)),
            "1 was added to every cell, the empty ones too. 0 · log 0 is 0: an empty cell adds nothing, and needs no "
            "pretended count.",
        ),
        Mistake(
            _with(lambda counts: _information(counts + 1), unit=lambda counts: _values(counts + 1)),
            "1 was added to every cell, so that no logarithm of 0 comes. That changes the shares; an empty cell just "
            "adds "
            "nothing.",
        ),
        Mistake(
            _with(_of_all_tables),
            "the counts were divided by those of all tables together. Each table is a distribution of its own: its "
            "shares "
            "add up to 1.",
        ),
        Mistake(
            _of_factors_tables,
            "the counts were divided by those of all tables of a factor. Each number's table is a distribution of its "
            "own: its shares add up to 1.",
        ),
        Mistake(
            _with(_of_counts),
            "counts stand where shares belong: divide each table by the sum of its cells first.",
        ),
        Mistake(
            _with(lambda counts: 2 * _information(counts)),
            "what is known is twice as much as it is: in I there is no factor 2, and no half either.",
        ),
    ),
)
