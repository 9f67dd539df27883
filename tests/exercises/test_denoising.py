"""Exercise 02: its right answers against sums over all cases, its cases, and what is seen of a training with noise."""

import contextlib
import io
import itertools

import pytest
import torch
from answers import read_answers
from test_last_cells import solved
from torch import Tensor, nn

from course_lib.probes.calls import observe
from course_lib.probes.collect import received, report
from course_lib.probes.ex02 import kept_entries, trained_denoiser
from course_lib.probes.training import PREFIX
from course_lib.tasks.ex02_denoising_sparse_anomalies.training import error, new_denoiser, wiener, windows
from course_lib.tasks.find import find_task

LARGEST, DENOISE, THRESHOLD, PRECISION, TRAIN = map(
    find_task, ("keep_largest", "denoise", "threshold_and_alarms", "precision_at", "train_denoiser")
)
BANK = [a for a in read_answers() if a.exercise == "02"]
SEEDS = (2014, 3, 77)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_other_choice_of_k_entries_is_nearer(seed: int) -> None:
    for case in LARGEST.cases(seed):
        z, k = case["z"].detach(), int(case["k"])  # type: ignore[union-attr]
        kept = LARGEST.reference(z, k)
        assert bool(((kept != 0).sum(1) == k).all())
        choices = [
            torch.zeros(z.shape[1]).index_fill(0, torch.tensor(c), 1.0)
            for c in itertools.combinations(range(z.shape[1]), k)
        ]
        best = torch.stack([(z - z * chosen).square().sum(1) for chosen in choices]).min(0).values
        torch.testing.assert_close((z - kept).square().sum(1), best)


def test_of_equal_sizes_any_may_be_kept_and_no_more() -> None:
    case = LARGEST.public_cases()[3]
    last = observe(kept_entries, lambda z, k: LARGEST.reference(z.flip(1), k).flip(1), case)
    first = observe(kept_entries, LARGEST.reference, case)
    z, k = case["z"], int(case["k"])
    assert isinstance(z, Tensor)
    assert not torch.equal(LARGEST.reference(z.flip(1), k).flip(1) != 0, LARGEST.reference(z, k) != 0)
    for name, x in first.outputs.items():
        torch.testing.assert_close(last.outputs[name], x)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_posterior_mean_is_an_integral_and_the_score_a_slope(seed: int) -> None:
    y, logits, mu, std, sigma = (
        x.double() if isinstance(x, Tensor) else x for x in DENOISE.cases(seed)[2].values()
    )
    near = y.abs() < 20  # type: ignore[union-attr]
    assert bool((~near).any())
    y = y[near]  # type: ignore[index]
    x = torch.linspace(-30, 30, 60_001, dtype=torch.float64)
    clean = (logits.softmax(0) / std * torch.exp(-0.5 * ((x[:, None] - mu) / std) ** 2)).sum(1)  # type: ignore[union-attr]

    def seen(y: Tensor) -> Tensor:
        """p(x) p(y|x) up to a constant, (N, x)."""
        return clean * torch.exp(-0.5 * ((y[:, None] - x) / sigma) ** 2)

    mean, score = DENOISE.reference(y, logits, mu, std, sigma)
    torch.testing.assert_close(mean, seen(y) @ x / seen(y).sum(1), rtol=1e-8, atol=1e-8)
    slope = (seen(y + 1e-5).sum(1).log() - seen(y - 1e-5).sum(1).log()) / 2e-5
    torch.testing.assert_close(score, slope, rtol=1e-6, atol=1e-6)


def test_far_out_the_widest_component_says_where() -> None:
    y, logits, mu, std = torch.tensor([500.0]), torch.zeros(2), torch.tensor([1.0, -1.0]), torch.tensor([0.5, 1.0])
    mean, score = DENOISE.reference(y, logits, mu, std, 2.0)
    torch.testing.assert_close(mean, torch.tensor([(4 * -1.0 + 1 * 500) / 5]))
    torch.testing.assert_close(score, torch.tensor([-501 / 5]))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_threshold_is_the_lowest_that_keeps_the_promise(seed: int) -> None:
    for case in THRESHOLD.cases(seed):
        scores, faulty, test, share = case.values()
        normal = scores[~faulty].tolist()  # type: ignore[index,operator]
        kept = [t for t in normal if sum(s > t for s in normal) <= share * len(normal)]
        threshold, alarms = THRESHOLD.reference(scores, faulty, test, share)
        assert threshold.item() == min(kept)
        assert alarms.tolist() == [s > min(kept) for s in test.tolist()]  # type: ignore[union-attr]
        safe = 0.2 < share * len(normal) % 1 < 0.8 or share == 0.125  # which floating point holds exactly
        assert safe, "a share that floating point can't round to another count"
        assert 0 < alarms.double().mean() < 1


@pytest.mark.parametrize("seed", SEEDS)
def test_precision_is_the_mean_over_all_orders_of_equal_scores(seed: int) -> None:
    for case in PRECISION.cases(seed):
        scores, faulty, k = case["scores"], case["faulty"], int(case["k"])
        assert isinstance(scores, Tensor)
        assert isinstance(faulty, Tensor)
        days = []
        for s, f in zip(scores, faulty, strict=True):
            order = s.argsort(descending=True, stable=True)
            equal = (s == s[order[k - 1]]).nonzero()[:, 0].tolist()
            above = int((s > s[order[k - 1]]).sum())
            found = [
                float(f[s > s[order[k - 1]]].sum()) + sum(float(f[i]) for i in chosen)
                for chosen in itertools.combinations(equal, k - above)
            ]
            days.append(sum(found) / len(found) / k)
        assert PRECISION.reference(scores, faulty, k).item() == pytest.approx(sum(days) / len(days), rel=1e-5)


def test_the_network_of_the_notebook_is_the_tasks() -> None:
    namespace, _ = solved("02", "def train_denoiser(")
    theirs, ours = namespace["new_denoiser"](5).state_dict(), new_denoiser(5).state_dict()
    assert list(theirs) == list(ours)
    assert all(torch.equal(theirs[name], value) for name, value in ours.items())


def test_no_affine_denoiser_leaves_less_than_wieners() -> None:
    x, sigma = windows("train")[:2000], 0.2
    source = torch.Generator().manual_seed(0)
    clean = x.repeat(20, 1)
    noisy = clean + sigma * torch.randn(clean.shape, generator=source)
    with_one = torch.cat([noisy, torch.ones(len(noisy), 1)], dim=1)
    fitted = torch.linalg.lstsq(with_one, clean).solution
    left = error(wiener(x, sigma), sigma)
    assert left == pytest.approx(error(lambda y: y @ fitted[:-1] + fitted[-1], sigma), rel=0.01)
    assert left < 0.5 * 128 * sigma**2


def denoising(x: Tensor, sigma: float, seed: int, noise=torch.randn_like) -> nn.Module:
    """Three steps on batches of five windows."""
    network = new_denoiser(seed)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    for start in (0, 5, 10):
        batch = x[start : start + 5]
        optimizer.zero_grad()
        (network(batch + sigma * noise(batch)) - batch).square().sum(1).mean().backward()
        optimizer.step()
    return network


def test_pairs_of_noisy_windows_are_seen_and_come_through_the_sandboxs_way() -> None:
    case = TRAIN.public_cases()[0]
    x, sigma = case["x"], float(case["sigma"])
    assert isinstance(x, Tensor)
    for noise, apart in ((torch.randn_like, True), (lambda batch: torch.randn(128), False)):
        observation = observe(trained_denoiser, lambda *given: denoising(*given, noise=noise), case)  # noqa: B023
        assert not observation.error
        (observation,) = received(report(TRAIN.name, [observation]), TRAIN.name, 1)
        pairs = observation.outputs[f"{PREFIX}pairs"]
        assert pairs.shape == (3, 2, 128)
        added = pairs - torch.stack([x[start : start + 2] for start in (0, 5, 10)])
        assert added.std().item() == pytest.approx(sigma, rel=0.2)
        assert ((added[:, 0] - added[:, 1]).abs().max() > 0.1 * sigma) == apart
    assert not torch.nn.modules.module._global_forward_pre_hooks


@pytest.mark.parametrize(
    "forged",
    [torch.zeros(3), torch.full((4, 2, 128), torch.nan), torch.zeros(0, 2, 128)],
    ids=lambda x: str(x.shape),
)
def test_a_forged_account_of_pairs_gives_a_verdict(forged: Tensor) -> None:
    case = TRAIN.public_cases()[0]
    outputs = dict(observe(trained_denoiser, denoising, case).outputs) | {f"{PREFIX}pairs": forged}
    assert TRAIN.measure is not None
    assert not TRAIN.measure(case, outputs).passed


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer", [a for a in BANK if a.right and a.task == "train_denoiser"], ids=lambda a: a.what
)
def test_right_denoisers_find_more_than_pca_in_the_last_cell(answer) -> None:
    beginning = "network = train_denoiser(x_train, 0.2, 0)"
    namespace, last = solved("02", beginning)
    exec(answer.code, namespace)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(last[: last.index("noise = torch.randn")], namespace)
    lines = printed.getvalue().splitlines()
    shares = {
        line.split(":")[0].strip(): int(line.split(":")[1].strip(" %")) for line in lines if line.endswith("%")
    }
    assert shares["normal"] <= 10
    assert min(shares["drift"], shares["noise burst"]) >= 95
    pca, own = (float(line.split(": ")[1].split()[0]) for line in lines if "ten windows a day" in line)
    assert own >= pca + 0.3


@pytest.mark.parametrize("task", [LARGEST, DENOISE, THRESHOLD, PRECISION, TRAIN], ids=lambda task: task.name)
def test_inputs_come_of_any_seed_that_a_grader_takes(task) -> None:
    assert len(task.cases(2**63 - 1)) >= 1
