r"""The score function's estimate of a gradient, with the mean reward of the *other* draws as baseline.

For K draws :math:`z_k` of a Bernoulli with logits :math:`l` and rewards :math:`r_k = f(z_k)`,

.. math:: g = \frac1K \sum_k \Big(r_k - \frac{1}{K - 1} \sum_{m \ne k} r_m\Big)\, (z_k - \sigma(l)),

whose mean is :math:`\nabla_l \mathbb E[f(z)]` (Kool, van Hoof & Welling 2019, "Buy 4 REINFORCE samples, get a baseline
for free!"; Mnih & Rezende 2016, arXiv:1602.06725). With a baseline that holds :math:`r_k` itself the mean is
:math:`(1 - 1/K)` times that. Bias and variance are measured, over thousands of rows; the formula is compared only to
name what went wrong.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.probes.ex04 import rows_among_and_alone
from course_lib.tasks.core import Case, Mistake, Outputs, Task, Verdict, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64
_NUM_KINDS, _EACH = 4, 1000  # rows of a case: so many problems, each drawn for so many times
_STANDARD_ERRORS = 5.5
_MOST_VARIANCE = 1.1  # times that of the leave-one-out baseline

Answer = Callable[[Tensor, Tensor, Tensor], Tensor]


def _source(seed: int, number: int) -> torch.Generator:
    """The random numbers of that number, of four that a seed has."""
    return generator(int(torch.randint(1 << 62, (4,), generator=generator(seed))[number]))


def _problems(seed: int, case: int, latent_dim: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Logits (kinds, D), and the reward's parts: a constant (kinds,), a factor of each entry (kinds, D), and one of the
    first two entries' product (kinds,)."""
    source = _source(seed, case)
    logits = away_from_zero((_NUM_KINDS, latent_dim), source, 0.2, 0.9, _F64)
    constant = away_from_zero((_NUM_KINDS,), source, 3, 8, _F64)
    return (
        logits,
        constant,
        away_from_zero((_NUM_KINDS, latent_dim), source, 0.8, 1.5, _F64),
        away_from_zero((_NUM_KINDS,), source, 0.2, 0.5, _F64),
    )


def _cases(seed: int) -> list[Case]:
    """Five draws a row, then two; float32, then float64. Rewards are far from 0, otherwise in each kind of row."""
    cases: list[Case] = []
    for i, (num_draws, latent_dim, dtype) in enumerate([(5, 2, _F32), (2, 3, _F64)]):
        logits, constant, each, both = (
            x.repeat(_EACH, *[1] * (x.ndim - 1)) for x in _problems(seed, i, latent_dim)
        )
        source = _source(seed, i + 2)
        chance = torch.rand((num_draws, *logits.shape), generator=source, dtype=_F64)
        z = (chance < logits.sigmoid()).double()
        reward = constant + (each * z).sum(-1) + both * z[..., 0] * z[..., 1]
        cases.append({"logits": logits.to(dtype), "z": z.to(dtype), "reward": reward.to(dtype)})
    return cases


def exact_gradient(logits: Tensor, each: Tensor, both: Tensor) -> Tensor:
    """The gradient of the expected reward by the logits, (kinds, D), in closed form."""
    p = logits.sigmoid()
    by_p = each.clone()
    by_p[:, 0] += both * p[:, 1]
    by_p[:, 1] += both * p[:, 0]
    return by_p * p * (1 - p)


def leave_one_out_gradient(logits: Tensor, z: Tensor, reward: Tensor) -> Tensor:
    """An unbiased estimate (B, D) of the gradient of the mean reward by the logits, from the draws z (K, B, D)."""
    others = (reward.sum(0) - reward) / (len(reward) - 1)
    return ((reward - others)[..., None] * (z - logits.sigmoid())).mean(0)


def _by_pairs(logits: Tensor, z: Tensor, reward: Tensor) -> Tensor:
    """Half the mean product of differences, over all ordered pairs of draws."""
    num_draws = len(reward)
    total = torch.zeros_like(logits)
    for i in range(num_draws):
        for j in range(num_draws):
            total = total + 0.5 * (reward[i] - reward[j])[:, None] * (z[i] - z[j])
    return total / (num_draws * (num_draws - 1))


def _by_autograd(logits: Tensor, z: Tensor, reward: Tensor) -> Tensor:
    leaf = logits.detach().clone().requires_grad_()
    log_prob = torch.distributions.Bernoulli(logits=leaf).log_prob(z).sum(-1)
    centred = (reward - reward.mean(0)) * len(reward) / (len(reward) - 1)
    return torch.autograd.grad((centred * log_prob).mean(0).sum(), leaf)[0]


def _with(
    weight: Callable[[Tensor], Tensor] = lambda r: r - (r.sum(0) - r) / (len(r) - 1),
    score: Callable[[Tensor, Tensor], Tensor] = lambda z, logits: z - logits.sigmoid(),
    reduce: Callable[[Tensor], Tensor] = lambda terms: terms.mean(0),
) -> Answer:
    """The estimator with one part changed: what stands before the score, the score, how terms are put together."""
    return lambda logits, z, reward: reduce(weight(reward)[..., None] * score(z, logits))


_STANDARDISED = (
    "the rewards were standardised: divided by their standard deviation, which is a habit of reinforcement learning. "
    "It changes the gradient's length by another factor in every row."
)
_MISTAKES = (
    Mistake(
        _with(lambda r: r - r.mean(0)),
        "each draw's reward is in its own baseline. Then the baseline moves with the very draw that it stands beside, "
        "and the estimate is too small: by the factor 1 - 1/K, which is one half for two draws. The baseline of a draw "
        "may be made of the other draws only.",
    ),
    Mistake(
        _with(lambda r: r),
        "there is no baseline. The estimate is right on average, and scatters far more than it has to: a constant in "
        "the reward, which says nothing, is multiplied with the noise of the score.",
    ),
    Mistake(
        _with(reduce=lambda terms: terms.sum(0)),
        "the draws are added up. Their mean was asked for: more draws make an estimate quieter, not larger.",
    ),
    Mistake(
        _with(lambda r: r - (r.sum(0) - r) / len(r)),
        "the baseline is too small: K - 1 rewards are added up and divided by K. Part of every constant in the reward "
        "stays, and with it the scatter.",
    ),
    Mistake(
        _with(lambda r: (r.sum(0) - r) / (len(r) - 1) - r),
        "the sign is turned round: this points to where the reward falls. What is better than the others comes first "
        "in the one difference, what was drawn in the other.",
    ),
    Mistake(
        _with(lambda r: (r - r.mean(0)) * (len(r) / (len(r) - 1)) ** 2),
        "the factor K / (K - 1) is there twice. Once it makes a leave-one-out baseline of the mean of all draws.",
    ),
    Mistake(
        _with(lambda r: (r - r.mean(0)) * ((len(r) - 1) / len(r))),
        "each draw's reward is in its own baseline, and then a factor makes it smaller still. r minus the mean of all "
        "draws is (1 - 1/K) times r minus the mean of the others: it has to be made larger.",
    ),
    Mistake(
        _with(lambda r: (r.sum(0) - r) / (len(r) - 1)),
        "only the baseline is there: the draw's own reward is missing. A draw and the rewards of others are "
        "independent, so the mean of this is 0.",
    ),
    Mistake(
        _with(lambda r: r + (r.sum(0) - r) / (len(r) - 1)),
        "the baseline was added. It is subtracted, so that only what is better than usual counts.",
    ),
    Mistake(
        _with(lambda r: r - r.mean(1, keepdim=True)),
        "the mean was taken over the rows of the batch instead of over the draws. Each row has a problem of its own, "
        "with rewards on another level; its baseline comes from its own other draws.",
    ),
    Mistake(
        _with(lambda r: r - r.mean()),
        "one mean over the whole batch stands for the baseline. Each row has a problem of its own, with rewards on "
        "another level; its baseline comes from its own other draws.",
    ),
    Mistake(
        _with(lambda r: r - r.roll(1, 0)),
        "the baseline is the reward of one other draw. That is unbiased, but noisier than it has to be: use the mean "
        "of all others.",
    ),
    Mistake(
        _with(lambda r: r - r.roll(-1, 0)),
        "the baseline is the reward of the next draw alone. That is unbiased, but noisier than it has to be: use the "
        "mean of all others.",
    ),
    Mistake(
        _with(lambda r: r - r[:1]),
        "the first draw's reward is everybody's baseline, its own too: that draw counts for nothing, and the estimate "
        "is too small by the factor 1 - 1/K.",
    ),
    Mistake(_with(lambda r: (r - r.mean(0)) / r.std(0).clamp_min(1e-8)), _STANDARDISED),
    Mistake(
        _with(
            score=lambda z, logits: (z - logits.sigmoid()) / (logits.sigmoid() * (1 - logits.sigmoid())),
        ),
        "this is the gradient with respect to the probabilities. With respect to the logits there is a factor p (1 - "
        "p) more, by the chain rule, and it cancels the denominator.",
    ),
    Mistake(
        _with(score=lambda z, logits: (z - logits.sigmoid()) * logits.sigmoid() * (1 - logits.sigmoid())),
        "there is a factor p (1 - p) too many: z - p is the derivative with respect to the logit already.",
    ),
    Mistake(
        _with(score=lambda z, logits: z / logits.sigmoid()),
        "the score leaves out the zeros: log p(z) is z log p plus (1 - z) log(1 - p), and both parts depend on the "
        "logit.",
    ),
    Mistake(
        _with(score=lambda z, logits: z * (1 - logits.sigmoid())),
        "the score leaves out the zeros: a 0 that was drawn says as much as a 1, and pushes its logit the other way.",
    ),
    Mistake(
        _with(
            score=lambda z, logits: z * logits.sigmoid().log() + (1 - z) * (1 - logits.sigmoid()).log(),
        ),
        "the log-probability stands where its derivative belongs. The score is the gradient of log p(z) with respect "
        "to the logits.",
    ),
    Mistake(
        _with(score=lambda z, logits: (z - logits.sigmoid()).sum(-1, keepdim=True).expand_as(z)),
        "the scores of all entries were added up, so every logit moves alike. Each logit is multiplied with its own "
        "entry's score.",
    ),
    Mistake(
        lambda logits, z, reward: reward.mean(0)[:, None] * (z - logits.sigmoid()).mean(0),
        "this is the mean reward times the mean score. A reward belongs to the score of its own draw: multiply first, "
        "average then.",
    ),
    Mistake(
        _with(reduce=lambda terms: terms.mean((0, 1))),
        "the rows of the batch were averaged too. Each row asks for an estimate of its own, (B, D).",
    ),
    Mistake(
        _with(reduce=lambda terms: terms.mean(1)),
        "the rows were averaged instead of the draws: what is left has the shape (K, D).",
    ),
    Mistake(
        _with(reduce=lambda terms: terms),
        "the draws weren't averaged: one estimate for each of them is left, (K, B, D).",
    ),
    Mistake(
        _with(reduce=lambda terms: terms.mean(0) / terms.shape[1]),
        "the estimate was averaged over the rows as well: it is smaller by the size of the batch. Each row asks for a "
        "gradient of its own.",
    ),
)


_ROWS = (
    "an estimate depends on what else is in the batch: a row alone gets another one than the same row among others. "
    "Rows have nothing to do with each other; sums and means go over the draws, dimension 0."
)
_BIASED = (
    "the estimate is biased: its mean over thousands of rows is not the gradient. Either a baseline holds the reward "
    "of the very draw that it stands beside, be it in a mean, a median or a maximum, or the score isn't the "
    "derivative of log p(z)."
)
_ZERO = (
    "the estimate is 0 in every row, up to rounding. The K numbers reward minus baseline add up to 0, so what they are "
    "multiplied with has to differ from draw to draw: either z isn't in your score, or something was averaged over "
    "the draws before the two were multiplied."
)
_NOISY = (
    "the mean is right, but the estimate scatters more than with the mean reward of the other draws as baseline: that "
    "was asked for."
)
_SHAPE = "one estimate was asked for in each row and entry of the logits: shape (B, D)."
_NOT_FINITE = (
    "there are entries that aren't finite. Is something divided by what may be 0, such as the standard deviation of "
    "rewards that are all alike, or is the logarithm of a 0 taken?"
)


def measure(case: Case, outputs: Outputs) -> Verdict:
    """Passes an estimate whose mean is the gradient, and whose variance is at most ``_MOST_VARIANCE`` times that of the
    leave-one-out baseline, if rows don't mix."""
    logits, z, reward = (x for x in case.values() if isinstance(x, Tensor))
    got = outputs.get("the value")
    named = _named(case, got)
    if got is None or got.shape != logits.shape:
        came = ", ".join(outputs) if got is None else f"shape {tuple(got.shape)}"
        return Verdict("wrong", f"Shape {tuple(logits.shape)} was expected; {came} came.", named or _SHAPE)
    if got.dtype != logits.dtype:
        said = f"{logits.dtype} was expected, {got.dtype} came.".replace("torch.", "")
        return Verdict("wrong", f"{said} Keep the inputs' type.")
    if not bool(got.isfinite().all()):
        return Verdict(
            "wrong", f"{int((~got.isfinite()).sum())} of {got.numel()} entries are nan or inf.", _NOT_FINITE
        )
    factor, off, noise = bias_and_noise(logits, z, reward, got, _exact(case))
    if float(got.abs().max()) < 1e-4:
        return Verdict("wrong", f"The largest of {got.numel():,} entries is {float(got.abs().max()):.1g}.", _ZERO)
    message = (
        f"Measured over {len(logits):,} rows of {len(z)} draws: the mean estimate is {factor:.2f} times the gradient "
        f"(right is 1), at most {off:.1f} standard errors away (right is up to {_STANDARD_ERRORS:g}); its variance is "
        f"{noise:.3g} times that with the mean of the other draws as baseline (right is up to {_MOST_VARIANCE:g})."
    )
    if off > _STANDARD_ERRORS:
        return Verdict("wrong", message, named or _BIASED)
    if noise > _MOST_VARIANCE:
        return Verdict("wrong", message, named or _NOISY)
    alone = outputs.get("rows alone")
    if alone is None or not torch.allclose(alone.double(), got[: len(alone)].double(), rtol=1e-3, atol=1e-4):
        return Verdict("wrong", message, named or _ROWS)
    return Verdict("right")


def _exact(case: Case) -> Tensor:
    """The gradient in each row, (B, D): found out of the rewards themselves, which are polynomials in z."""
    logits, z, reward = (x.double() for x in case.values() if isinstance(x, Tensor))
    exact = torch.empty_like(logits)
    for kind in range(_NUM_KINDS):
        codes = z[:, kind::_NUM_KINDS].flatten(0, 1)
        parts = torch.cat([torch.ones(len(codes), 1).double(), codes, codes[:, :1] * codes[:, 1:2]], 1)
        factors = torch.linalg.lstsq(parts, reward[:, kind::_NUM_KINDS].flatten()[:, None]).solution[:, 0]
        rows = logits[kind::_NUM_KINDS]
        exact[kind::_NUM_KINDS] = exact_gradient(
            rows, factors[1:-1].expand_as(rows), factors[-1].expand(len(rows))
        )
    return exact


def bias_and_noise(
    logits: Tensor, z: Tensor, reward: Tensor, estimate: Tensor, exact: Tensor
) -> tuple[float, float, float]:
    """What factor the mean estimate has before the exact gradient (B, D), how many standard errors the farthest entry
    of it is off, and the variance as a multiple of that of the leave-one-out baseline."""
    error = estimate.double() - exact
    kinds = [error[kind::_NUM_KINDS] for kind in range(_NUM_KINDS)]
    mean = torch.stack([rows.mean(0) for rows in kinds])
    standard_error = torch.stack([rows.std(0) for rows in kinds]) / len(kinds[0]) ** 0.5
    truth = exact[:_NUM_KINDS]
    weight = standard_error.clamp_min(1e-12).square().reciprocal()
    factor = 1 + ((weight * mean * truth).sum() / (weight * truth.square()).sum()).item()
    along = abs(factor - 1) * (weight * truth.square()).sum().sqrt().item()
    off = max(along, (mean.abs() / standard_error.clamp_min(1e-12)).max().item())
    best = (leave_one_out_gradient(logits.double(), z.double(), reward.double()) - exact)[:, None]
    least = sum(best[kind::_NUM_KINDS, 0].var(0).sum().item() for kind in range(_NUM_KINDS))
    return factor, off, sum(rows.var(0).sum().item() for rows in kinds) / least


def _named(case: Case, got: Tensor | None) -> str:
    """The hint of the first listed mistake that gives the same in nearly all entries, or one on the factor of the
    estimate; or nothing."""
    if got is None:
        return ""
    logits, z, reward = (x for x in case.values() if isinstance(x, Tensor))
    for mistake in _MISTAKES:
        wrong = mistake.answer(logits, z, reward)
        if wrong.shape == got.shape and _alike(wrong, got):
            return mistake.hint
    if got.shape != logits.shape:
        return ""
    right = leave_one_out_gradient(logits, z, reward)
    return _factor(right, got) or _factor_of_each_logit(right, got)


def _alike(a: Tensor, b: Tensor) -> bool:
    """Whether nearly all entries agree. (Where all rewards of a row are alike, a quotient is made of rounding.)"""
    close = torch.isclose(a.double(), b.double(), rtol=1e-3, atol=1e-4, equal_nan=True)
    return close.double().mean().item() > 0.9


def _factor(right: Tensor, got: Tensor) -> str:
    """What is said of an estimate that is a multiple of the right one in each row."""
    right, got = right.double(), got.double()
    factors = (got * right).sum(1) / right.square().sum(1).clamp_min(1e-12)
    told = right.square().sum(1) > 1e-6
    if not _alike(factors[told, None] * right[told], got[told]):
        return ""
    middle = factors[told].median()
    if bool((factors[told] - middle).abs().le(0.01 * middle.abs()).double().mean() < 0.9):
        return _STANDARDISED
    return (
        f"in every row the estimate is {middle:.3g} times the one that was asked for, with {len(right):,} rows in the "
        "batch. Look for a factor made of the number of draws, of entries or of rows."
    )


def _factor_of_each_logit(right: Tensor, got: Tensor) -> str:
    """What is said where each logit has a factor of its own, the same in all rows of that logit. So it is with any
    score that is made of the own entry's z and logit: what is before it adds up to 0, so only the difference between
    the score of a 1 and that of a 0 counts, which is 1 where it is right."""
    right, got = right.double(), got.double()
    factors = []
    for kind in range(_NUM_KINDS):
        these, those = right[kind::_NUM_KINDS], got[kind::_NUM_KINDS]
        factors.append((these * those).sum(0) / these.square().sum(0).clamp_min(1e-12))
        if not _alike(factors[-1] * these, those):
            return ""
    least, most = torch.stack(factors).aminmax()
    return (
        "the score isn't the derivative of log p(z) with respect to the logit: each logit's estimate is the right one "
        f"times a factor of its own, from {least:.2g} to {most:.2g}. That factor is how far your score of a 1 is from "
        "your score of a 0; the right ones are 1 apart."
    )


LEAVE_ONE_OUT_GRADIENT = Task(
    name="leave_one_out_gradient",
    points=3,
    cases=_cases,
    reference=leave_one_out_gradient,
    # the advantages of leave-one-out add up to 0, so any constant may be subtracted from the score, or none
    alternatives=(_by_pairs, _by_autograd, _with(score=lambda z, logits: z)),
    probe=rows_among_and_alone,
    measure=measure,
    mistakes=(
        *_MISTAKES,
        Mistake(lambda logits, z, reward: leave_one_out_gradient(logits, z, reward) + 0.3 * logits, _BIASED),
        Mistake(_with(score=lambda z, logits: logits.sigmoid().expand_as(z)), _ZERO),
        Mistake(_with(lambda r: r - 20.0), _NOISY),
        Mistake(
            lambda logits, z, reward: (
                leave_one_out_gradient(logits, z, reward)
                + (1e-2 * (reward - reward.mean(1, keepdim=True)).mean(0))[:, None]
                * (z - logits.sigmoid()).mean(0)
            ),
            _ROWS,
        ),
        Mistake(lambda logits, z, reward: leave_one_out_gradient(logits, z, reward).mean(), _SHAPE),
        Mistake(
            lambda logits, z, reward: leave_one_out_gradient(logits, z, reward) / (reward.std(0) > 0)[:, None],
            _NOT_FINITE,
        ),
    ),
)
