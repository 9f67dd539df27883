r"""A denoiser of heart-like windows, trained by the learner on noise of their own, and measured here on new windows.

The least mean squared error that a denoiser can have is that of :math:`E[x|y]` (Vincent et al. 2010, "Stacked denoising
autoencoders", JMLR 11). The best one that is affine is Wiener's filter, which the mean and covariance of the windows
fix; over 20 secrets it leaves 1.5 to 2.4, and the reference 0.43 to 0.5 times that.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Literal

import torch
from torch import Tensor, nn

from course_lib.data import load
from course_lib.probes.ex02 import trained_denoiser
from course_lib.probes.training import NUM_SHOWN, PREFIX, Process, split
from course_lib.tasks.core import Case, Mistake, Outputs, Task, Verdict, generator
from course_lib.tasks.training import NO_GRADIENT, UNCLEARED, UPHILL, in_numbers

LENGTH, HIDDEN_DIM = 128, 256
NUM_TRAIN = 2000
SHARE = 2 / 3  # of what Wiener's filter leaves

Train = Callable[[Tensor, float, int], nn.Module]
_Change = Callable[[Tensor], Tensor]


def new_denoiser(seed: int) -> nn.Sequential:
    """The network that the exercise hands out: 128 samples in and out, two hidden layers of 256 units."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(LENGTH, HIDDEN_DIM),
            nn.ReLU(),
            nn.Linear(HIDDEN_DIM, HIDDEN_DIM),
            nn.ReLU(),
            nn.Linear(HIDDEN_DIM, LENGTH),
        )


@cache
def windows(split: str) -> Tensor:
    """Windows without a fault, (N, 128)."""
    signals = load("signals", split, NUM_TRAIN + 500 if split == "train" else 1000)
    return signals.x[signals.y == 0].flatten(1)


def _cases(seed: int) -> list[Case]:
    """Most of the training windows, in an order that depends on the seed, and a width of the noise."""
    source = generator(seed)
    chosen = torch.randperm(len(windows("train")), generator=source)[:NUM_TRAIN]
    sigma = round(0.16 + 0.08 * torch.rand((), generator=source).item(), 3)
    return [{"x": windows("train")[chosen], "sigma": sigma, "seed": seed % 1000}]


def squared_error(x_hat: Tensor, x: Tensor) -> Tensor:
    """Summed over samples, (B,)."""
    return (x_hat - x).square().sum(1)


def wiener(x: Tensor, sigma: float) -> _Change:
    """The best affine denoiser for windows with the mean and covariance of x (N, P)."""
    mean = x.mean(0)
    covariance = (x - mean).T @ (x - mean) / len(x)
    gain = torch.linalg.solve(covariance + sigma**2 * torch.eye(x.shape[1]), covariance)
    return lambda y: mean + (y - mean) @ gain


@cache
def _noisy(sigma: float) -> Tensor:
    test = windows("test")
    return test + sigma * torch.randn(test.shape, generator=generator(1))


def error(denoiser: _Change, sigma: float) -> float:
    """The squared error per test window that a denoiser leaves of noise of that width."""
    with torch.no_grad():
        return squared_error(denoiser(_noisy(sigma)), windows("test")).mean().item()


_OTHER_NETWORK = (
    "this isn't the network that new_denoiser makes. Return that one itself, with its layers and sizes unchanged."
)
_NOT_FINITE = "the learning rate is too large: the loss grew without end. Divide it by ten and print the loss."
_NO_STEP = (
    "no parameter has changed since new_denoiser(seed), and no optimiser took a step. Each step needs backward() and "
    "optimizer.step(), both with their parentheses."
)
_OTHER_MOVED = (
    "no parameter of this network has changed since new_denoiser(seed), though an optimiser took steps: it held the "
    "parameters of another network. Make the network once, give the optimiser its parameters, return the same one."
)
_OTHER_SEED = (
    "the network that was trained isn't new_denoiser(seed) as it is made: it started from other numbers. Hand the seed "
    "that you are given on to new_denoiser, and train what comes."
)
_SOME_LAYERS = (
    "some parameters have stayed as they were in new_denoiser(seed). The optimiser needs all of them: "
    "network.parameters()."
)
_NO_NOISE = (
    "the network was given clean windows. It has learned to hand on what it gets: add sigma times fresh noise to each "
    "batch before it goes in."
)
_SOME_CLEAN = (
    "part of what the network was given had no noise. Only noisy windows go in; what comes out is compared with the "
    "clean batch itself, not with what the network makes of it."
)
_NOISE_ONCE = (
    "the noise was drawn once: the same draws come again and again, and the network learns these. Draw noise inside "
    "the loop, for each batch anew."
)
_ONE_DRAW = (
    "every window was given the same noise. Then it is no noise but a fixed shift, which one bias takes off. Draw it "
    "for each batch anew, in the shape of the batch."
)
_BATCH_NOISE = (
    "all windows of a batch have the same noise: it was drawn in the shape of one window. Each window needs its own, "
    "as torch.randn_like(batch) gives it."
)
_ONE_NUMBER = (
    "all samples of a window have the same noise: one number was added to the window. Each sample needs its own, as "
    "torch.randn_like(batch) gives it."
)
_SHIFTED = (
    "the noise isn't around 0: on average it moves a window up or down. torch.rand is uniform between 0 and 1; asked "
    "for is normal noise, torch.randn."
)
_SQUARED = (
    "the noise has the standard deviation sigma², which is less than it will have to clean. sigma is the standard "
    "deviation itself: sigma times standard normal noise."
)
_LESS_NOISE = (
    "the noise is weaker than asked for. It is to be sigma times standard normal noise: torch.randn, not rand, and "
    "sigma as it is."
)
_MORE_NOISE = "the noise is stronger than asked for. It is to be sigma times standard normal noise, added once."
_IDENTITY = (
    "the network hands on what it gets, noise and all. So the target was the noisy batch itself: compare what comes "
    "out with the clean one."
)
_GIVES_NOISE = (
    "this network gives the noise, not the window: its target was what was added. That is a way to denoise too, but "
    "the judge takes what comes out for the clean window."
)
_STEP_ONLY = (
    "this network gives the step from the noisy window to the clean one: its output was added to its input in the "
    "loss. The judge takes what comes out for the clean window itself."
)
_RESCALED = "this network was trained on windows on another scale. The judge gives it windows like x, with noise."
_FEW_WINDOWS = (
    "the network was given only a few of the windows in x, and learned those. Every step should take a fresh batch "
    "from all of x."
)
_TEST_WINDOWS = (
    "the network was trained on the windows that it is judged on. Then the error says nothing about new ones: train on "
    "x alone."
)
_SUMMED = (
    "the loss was summed over the batch: its gradients are as many times larger as there are windows in a batch, and "
    "so are the steps. Average over the batch."
)
_SMALL_LOSS = (
    "the loss was averaged over samples as well: its gradients are 128 times smaller, and plain gradient descent feels "
    "that. Sum over the samples of a window, or take Adam."
)
_FEW_STEPS = (
    "training went the right way and ended too early. Take some thousand steps; watch the loss, and go on while it "
    "falls."
)
_SMALL_STEPS = (
    "the steps are too small: the loss still falls, slowly. A learning rate between 1e-3 and 5e-3 suits Adam here."
)
_LARGE_STEPS = (
    "the steps are too large: the loss jumps about and doesn't come down. A learning rate between 1e-3 and 5e-3 suits "
    "Adam here."
)
_SMALL_BATCH = (
    "the batches are so small that steps are mostly chance. Take 64 to 256 windows, each with noise of its own."
)
_MEAN_WINDOW = (
    "every window comes back as nearly the mean window, so nothing of its own gets through. Is the target the clean "
    "form of the very batch that went in? One that was drawn anew has no more than the mean in common with it."
)
_NOT_YET = (
    "it learns, but not far enough. Print the loss every hundred steps: while it falls, take more steps; where it has "
    "stopped, take smaller ones; and see that the loss is the squared error against the clean batch and nothing else."
)
_NOT_SHOWN = (
    "the parameters are good, but called on windows the network that came back gives something else than they make, or "
    "fails; the last cell draws just that. Return new_denoiser's network itself, on the CPU and in float32."
)


def _loaded(outputs: Outputs) -> nn.Sequential | None:
    """The handed-out network with these parameters; None if they are another network's."""
    network = new_denoiser(0)
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    if {name: value.shape for name, value in outputs.items()} != shapes:
        return None
    network.load_state_dict(dict(outputs))
    return network.requires_grad_(False)


def measure(case: Case, outputs: Outputs) -> Verdict:
    """Passes a network whose error on noisy test windows is at most ``SHARE`` of Wiener's, trained on fresh noise."""
    pairs = outputs.get(f"{PREFIX}pairs")
    own, process, shown = split(outputs, LENGTH)
    network = _loaded(own)
    if network is None:
        return Verdict("wrong", "The parameters that came back don't fit the network.", _OTHER_NETWORK)
    seen = f"\n{in_numbers(process, 'windows')}" if process else ""
    if not all(bool(value.isfinite().all()) for value in own.values()):
        hint = _SUMMED if process and _size_of_loss(case, process) > 0.5 * process.batch_size else _NOT_FINITE
        return Verdict("wrong", f"There are parameters that aren't finite.{seen}", hint)
    start = outputs.get(f"{PREFIX}start")
    if start is not None and not torch.equal(start, new_denoiser(int(case["seed"])).state_dict()["0.weight"][0]):
        return Verdict("wrong", f"The seed is {case['seed']}.{seen}", _OTHER_SEED)
    x, sigma = case["x"], float(case["sigma"])
    assert isinstance(x, Tensor)
    left, linear = error(network, sigma), error(wiener(x, sigma), sigma)
    limit = SHARE * linear
    message = (
        f"The squared error is {left:.3g} per test window (mean of {len(windows('test'))}, noise {sigma:g}); it should "
        f"be at most {limit:.3g}{', and is' if left <= limit else ''}. The best linear filter leaves {linear:.3g}, the "
        f"noise itself is {LENGTH * sigma**2:.3g}.{seen}"
    )
    hint = UPHILL if process and process.losses[-20:].mean() < 0 else ""
    if left <= limit:
        hint = hint or _trained_otherwise(case, process, pairs)
        made = network(x[:NUM_SHOWN])
        if not hint and (shown is None or not _equal(shown, made)):
            hint = _NOT_SHOWN
        return Verdict("wrong", message, hint) if hint else Verdict("right")
    return Verdict("wrong", message, hint or _diagnosis(case, own, network, left, process, pairs))


def _equal(shown: Tensor, made: Tensor) -> bool:
    return shown.shape == made.shape and torch.allclose(shown.double(), made.double(), rtol=1e-3, atol=1e-4)


def _nearest(rows: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
    """Which clean window each row is next to, up to a shift of all samples, and what lies between the two."""
    clean = clean.double()
    index = torch.cdist(rows - rows.mean(1, keepdim=True), clean - clean.mean(1, keepdim=True)).argmin(1)
    return index, rows - clean[index]


def _trained_otherwise(case: Case, process: Process | None, pairs: Tensor | None) -> str:
    """What a training may not do, whatever comes of it; empty if nothing was seen of it."""
    x, sigma = case["x"], float(case["sigma"])
    assert isinstance(x, Tensor)
    if process is None:
        return ""
    if process.uncleared > 0.5:
        return UNCLEARED
    index, noise = _nearest(process.rows, torch.cat([x, windows("test")]))
    if other := _other_noise(noise, sigma, process, len(x)) or _shared_noise(x, pairs, noise):
        return other
    if (index >= len(x)).double().mean() > 0.05:
        return _TEST_WINDOWS
    # the rows are the first of each batch, few too where batches come in one order: then their mean is that of all
    apart = (process.mean - x.double().mean(0)).square().sum() > x.double().var(0).sum() / 500
    return _FEW_WINDOWS if len(process.rows) > 400 and len(index.unique()) < 150 and apart else ""


def _other_noise(noise: Tensor, sigma: float, process: Process, num_windows: int) -> str:
    """How the noise (n, P) differs from sigma times fresh standard normal numbers; empty if it doesn't."""
    size = noise.square().mean().sqrt().item() / sigma
    if size < 0.05:
        return _NO_NOISE
    if (noise.square().mean(1).sqrt() < 0.05 * sigma).double().mean() > 0.2:
        return _SOME_CLEAN
    if abs(noise.mean().item()) > 0.25 * size * sigma and noise.mean(1).std() < 0.5 * size * sigma:
        return _SHIFTED
    if len(noise) > 20 and noise.std(0).mean() < 0.3 * size * sigma:
        return _ONE_DRAW
    if noise.std(1).mean() < 0.3 * size * sigma:
        return _ONE_NUMBER
    if process.num_rows > 2 * num_windows and process.num_distinct <= 1.05 * num_windows:
        return _NOISE_ONCE
    if abs(size / sigma - 1) < 0.15:
        return _SQUARED
    if size < 0.75:
        return _LESS_NOISE
    return _MORE_NOISE if size > 1.35 else ""


def _shared_noise(x: Tensor, pairs: Tensor | None, noise: Tensor) -> str:
    """Whether the first two windows of most batches have the same noise, or each the same in every batch."""
    if pairs is None or pairs.shape[1:] != (2, LENGTH) or not bool(pairs.isfinite().all()):
        return ""
    _, each = _nearest(pairs[:64].double().flatten(0, 1), x)
    each, size = each.unflatten(0, (-1, 2)), noise.square().mean().sqrt()
    if len(each) > 20 and each.std(0).mean() < 0.3 * size:
        return _NOISE_ONCE
    return _BATCH_NOISE if each.diff(dim=1).square().mean((1, 2)).sqrt().median() < 0.3 * size else ""


def _diagnosis(
    case: Case,
    outputs: Outputs,
    network: nn.Sequential,
    left: float,
    process: Process | None,
    pairs: Tensor | None,
) -> str:
    """The first cause that the numbers allow."""
    sigma = float(case["sigma"])
    fresh = new_denoiser(int(case["seed"])).state_dict()
    if all(torch.equal(outputs[name], value) for name, value in fresh.items()):
        if not process or not process.num_steps:
            return _NO_STEP
        return NO_GRADIENT if process.empty > 0.9 and not process.left else _OTHER_MOVED
    if process and process.uncleared > 0.5:
        return UNCLEARED
    if any(torch.equal(outputs[name], value) for name, value in fresh.items()):
        return _SOME_LAYERS
    x = case["x"]
    assert isinstance(x, Tensor)
    return (
        _other_output(x, sigma, network)
        or _trained_otherwise(case, process, pairs)
        or _handed_on(sigma, network, left)
        or _other_steps(case, network, left, process)
    )


def _other_output(x: Tensor, sigma: float, network: nn.Sequential) -> str:
    """Whether the network is a good denoiser in another form, or on another scale."""
    mean, std = x.mean(), x.std().item()
    forms: list[tuple[_Change, float, str]] = [
        (lambda y: y - network(y), sigma, _GIVES_NOISE),
        (lambda y: y - sigma * network(y), sigma, _GIVES_NOISE),
        (lambda y: y + network(y), sigma, _STEP_ONLY),
        (lambda y: y + sigma * network(y), sigma, _STEP_ONLY),
    ]
    for scale, shift in ((std, mean), (std, 0.0), (sigma, 0.0), (0.1, 0.0), (x.max().item(), 0.0)):
        # noise may have been added before the windows were scaled, or after
        forms += [(_on_scale(network, scale, shift), noise, _RESCALED) for noise in (sigma, scale * sigma)]
    return next((hint for form, noise, hint in forms if _is_good(form, network, x, noise, hint == _RESCALED)), "")


def _is_good(form: _Change, network: nn.Sequential, x: Tensor, sigma: float, scaled: bool) -> bool:
    """Whether a form denoises and the network as it is doesn't. On another scale noise may be so weak that Wiener's
    filter can't be beaten: there it is enough that most of a window comes back."""
    found, left = error(form, sigma), error(network, sigma)
    if scaled:
        return found <= 0.3 * left and found <= 0.25 * squared_error(x, x.mean(0).expand_as(x)).mean().item()
    return found <= 0.7 * left and found <= 1.3 * error(wiener(x, sigma), sigma)


def _on_scale(network: nn.Sequential, scale: float, shift: Tensor | float) -> _Change:
    return lambda y: network((y - shift) / scale) * scale + shift


def _handed_on(sigma: float, network: nn.Sequential, left: float) -> str:
    """Whether what comes out is nearer to the noisy window than to the clean one, and near to it."""
    y = _noisy(sigma)
    return _IDENTITY if squared_error(network(y), y).mean() < 0.6 * min(left, LENGTH * sigma**2) else ""


def _size_of_loss(case: Case, process: Process) -> float:
    """The first loss, in squared errors per window that the network had before it was trained; 1 if none was seen."""
    x = case["x"]
    assert isinstance(x, Tensor)
    with torch.no_grad():
        at_first = squared_error(new_denoiser(int(case["seed"]))(x), x).mean().item()
    return process.losses[0].item() / at_first if len(process.losses) else 1.0


def _other_steps(case: Case, network: nn.Sequential, left: float, process: Process | None) -> str:
    """Which part of the loop kept the network from learning more."""
    test, y = windows("test"), _noisy(float(case["sigma"]))
    mean_error = squared_error(test.mean(0).expand_as(test), test).mean().item()
    made = network(y)
    spread = squared_error(made, made.mean(0).expand_as(made)).mean().item()
    only_mean = abs(left - mean_error) < 0.15 * mean_error and spread < 0.15 * mean_error
    if process is None or not process.num_steps:
        return _MEAN_WINDOW if only_mean else _NOT_YET
    lr, size = process.lr, _size_of_loss(case, process)
    if 0.4 < LENGTH * size < 2.5 and lr < 0.5 and left > mean_error:
        return _SMALL_LOSS
    if lr > 0.015:
        return _LARGE_STEPS
    if 0.4 < size / process.batch_size < 2.5 and process.batch_size > 4 and left > 0.8 * mean_error:
        return _SUMMED
    if process.num_steps < 400:
        return _FEW_STEPS
    if only_mean and lr > 2e-4:
        return _MEAN_WINDOW
    if lr < 5e-4:
        return _SMALL_STEPS
    return _SMALL_BATCH if process.batch_size < 24 else _NOT_YET


def _fresh(x: Tensor, sigma: float, source: torch.Generator) -> Tensor:
    return sigma * torch.randn(x.shape, generator=source)


def _trained(
    *,
    num_steps: int = 700,
    batch_size: int = 128,
    lr: float = 3e-3,
    prepare: _Change = lambda x: x,
    noise: Callable[[Tensor, float, torch.Generator], Tensor] = _fresh,
    once: bool = False,
    loss: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda out, x, y: squared_error(out, x).mean(),
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    returned: Callable[[nn.Sequential, int], nn.Module] = lambda network, seed: network,
    clear: Literal["first", "late", "never"] = "first",
) -> Train:
    """A training loop with one part of it changed. ``loss``: of what came out, the clean batch and the noisy one."""

    def answer(x: Tensor, sigma: float, seed: int) -> nn.Module:
        network, source = new_denoiser(seed), generator(seed)
        descent = optimizer(network.parameters(), lr=lr)
        clean = prepare(x)
        added = noise(clean, sigma, source) if once else torch.zeros_like(clean)
        for _ in range(num_steps):
            chosen = torch.randint(len(clean), (batch_size,), generator=source)
            batch = clean[chosen]
            y = batch + (added[chosen] if once else noise(batch, sigma, source))
            value = loss(network(y), batch, y)
            if clear == "first":
                descent.zero_grad()
            value.backward()
            if clear == "late":
                descent.zero_grad()
            descent.step()
        return returned(network, seed)

    return answer


def _of_the_last_layer(parameters: Iterable[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    return torch.optim.Adam([*parameters][-2:], lr=lr)


def _for_one_half(x: Tensor, sigma: float, source: torch.Generator) -> Tensor:
    """Noise for every second batch."""
    return float(torch.rand((), generator=source) < 0.5) * _fresh(x, sigma, source)


def _by_epochs(x: Tensor, sigma: float, seed: int) -> nn.Module:
    """Every window once an epoch, smaller batches, steps that become smaller."""
    network, source = new_denoiser(seed), generator(seed)
    descent = torch.optim.Adam(network.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(descent, 50)
    for _ in range(50):
        for batch in x[torch.randperm(len(x), generator=source)].split(100):
            descent.zero_grad()
            nn.functional.mse_loss(network(batch + _fresh(batch, sigma, source)), batch).backward()
            descent.step()
        schedule.step()
    return network


def _in_one_order(x: Tensor, sigma: float, seed: int) -> nn.Module:
    """The same batches of neighbours again and again, with fresh noise."""
    network, source = new_denoiser(seed), generator(seed)
    descent = torch.optim.Adam(network.parameters(), lr=2e-3)
    for _ in range(60):
        for batch in x.split(125):
            descent.zero_grad()
            squared_error(network(batch + _fresh(batch, sigma, source)), batch).mean().backward()
            descent.step()
    return network


class _Louder(nn.Sequential):
    """The same parameters, another output."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = 2 * super().forward(x)
        return out


def _with_noise(noise: Callable[[Tensor, float, torch.Generator], Tensor], num_steps: int = 300) -> Train:
    return _trained(noise=noise, num_steps=num_steps)


TRAIN_DENOISER = Task(
    name="train_denoiser",
    points=3,
    cases=_cases,
    probe=trained_denoiser,
    reference=_trained(num_steps=1000),
    alternatives=(_by_epochs, _in_one_order),
    measure=measure,
    public_in_grading=False,
    mistakes=(
        Mistake(lambda x, sigma, seed: new_denoiser(seed), _NO_STEP),
        Mistake(_trained(num_steps=1, returned=lambda network, seed: new_denoiser(seed)), _OTHER_MOVED),
        Mistake(_trained(num_steps=1, returned=lambda network, seed: network[:3]), _OTHER_NETWORK),
        Mistake(_trained(num_steps=60, lr=1e12, optimizer=torch.optim.SGD), _NOT_FINITE),
        Mistake(_trained(num_steps=100, loss=lambda out, x, y: -squared_error(out, x).mean()), UPHILL),
        Mistake(lambda x, sigma, seed: _trained(num_steps=50)(x, sigma, seed + 1), _OTHER_SEED),
        Mistake(_trained(num_steps=300, optimizer=_of_the_last_layer), _SOME_LAYERS),
        Mistake(_trained(num_steps=50, clear="late"), NO_GRADIENT),
        Mistake(_trained(num_steps=300, clear="never"), UNCLEARED),
        Mistake(_with_noise(lambda x, sigma, source: torch.zeros_like(x)), _NO_NOISE),
        Mistake(_with_noise(_for_one_half), _SOME_CLEAN),
        Mistake(_trained(once=True, num_steps=500), _NOISE_ONCE),
        Mistake(
            _with_noise(lambda x, sigma, source: sigma * torch.randn(LENGTH, generator=generator(0))), _ONE_DRAW
        ),
        Mistake(
            _with_noise(lambda x, sigma, source: sigma * torch.randn(LENGTH, generator=source), 600), _BATCH_NOISE
        ),
        Mistake(
            _with_noise(lambda x, sigma, source: sigma * torch.randn(len(x), 1, generator=source)), _ONE_NUMBER
        ),
        Mistake(_with_noise(lambda x, sigma, source: sigma * torch.rand(x.shape, generator=source)), _SHIFTED),
        Mistake(_with_noise(lambda x, sigma, source: sigma * _fresh(x, sigma, source)), _SQUARED),
        Mistake(_with_noise(lambda x, sigma, source: 0.5 * _fresh(x, sigma, source)), _LESS_NOISE),
        Mistake(_with_noise(lambda x, sigma, source: 3 * _fresh(x, sigma, source)), _MORE_NOISE),
        Mistake(_trained(num_steps=400, loss=lambda out, x, y: squared_error(out, y).mean()), _IDENTITY),
        Mistake(_trained(num_steps=900, loss=lambda out, x, y: squared_error(out, y - x).mean()), _GIVES_NOISE),
        Mistake(_trained(num_steps=900, loss=lambda out, x, y: squared_error(y + out, x).mean()), _STEP_ONLY),
        Mistake(_trained(prepare=lambda x: (x - x.mean()) / x.std()), _RESCALED),
        Mistake(_trained(prepare=lambda x: x[:64]), _FEW_WINDOWS),
        Mistake(_trained(prepare=lambda x: torch.cat([x, windows("test")])), _TEST_WINDOWS),
        Mistake(
            _trained(
                num_steps=200,
                lr=1e-3,
                optimizer=torch.optim.SGD,
                loss=lambda out, x, y: squared_error(out, x).mean() / LENGTH,
            ),
            _SMALL_LOSS,
        ),
        Mistake(
            _trained(
                num_steps=400,
                lr=1e-2,
                optimizer=torch.optim.SGD,
                loss=lambda out, x, y: squared_error(out, x).sum(),
            ),
            _SUMMED,
        ),
        Mistake(_trained(num_steps=100), _FEW_STEPS),
        Mistake(_trained(num_steps=600, lr=1e-4), _SMALL_STEPS),
        Mistake(_trained(num_steps=400, lr=0.1), _LARGE_STEPS),
        Mistake(_trained(num_steps=600, batch_size=8), _SMALL_BATCH),
        Mistake(
            _trained(num_steps=600, loss=lambda out, x, y: squared_error(out, x.roll(1, 0)).mean()), _MEAN_WINDOW
        ),
        Mistake(_trained(num_steps=600, loss=lambda out, x, y: squared_error(2 * out, x).mean()), _NOT_YET),
        Mistake(_trained(returned=lambda network, seed: _Louder(*network)), _NOT_SHOWN),
    ),
)
