r"""Windows of a heart-like signal with planted, labelled faults: anomalies whose place is known.

A beat is a sum of five bumps, as an electrocardiogram's waves P, Q, R, S and T are often drawn (after McSharry et al.
2003, "A dynamical model for generating synthetic electrocardiogram signals", IEEE Trans. Biomed. Eng. 50). It looks
like a heart and is none: nothing medical follows from it.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.checks import check_size
from course_lib.data.images import check_split

LENGTH = 128  # samples in a window
SPLITS = {"train": 8_000, "test": 2_000}
"""The splits and their default number of windows."""
KINDS = ("normal", "spike", "dropout", "drift", "noise burst", "missing beat")
# Each wave has a place in the beat and a width, as shares of the period, and a height.
WAVES = ((0.22, 0.028, 0.15), (0.35, 0.016, -0.12), (0.40, 0.02, 1.0), (0.45, 0.016, -0.2), (0.66, 0.045, 0.3))


@dataclass(frozen=True)
class SignalSet:
    """Windows, and what is wrong with them.

    ``x``: float32 (N, 1, 128), a beat about 1 high. ``y``: int64 (N,), an index into ``class_names``, 0 for normal.
    ``mask``: bool (N, 1, 128), where the fault is; ``clean``: the window without its fault, equal to x elsewhere.
    """

    x: Tensor
    y: Tensor
    mask: Tensor
    clean: Tensor
    class_names: tuple[str, ...]
    name: str
    split: str

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        return (
            f"SignalSet({self.name!r}, {self.split!r}, x={tuple(self.x.shape)}, classes={len(self.class_names)})"
        )


def load_signals(split: str, num_windows: int | None, seed: int) -> SignalSet:
    """See :func:`course_lib.data.load`. Training windows are normal; of the test's about half have one fault.

    Normal windows differ in rate (a period of 28 to 40 samples), phase, height, a slow wander of the baseline and
    noise. A longer draw with the same seed begins with the shorter one.

    The faults, all in the units of a beat's height: a spike of one sample, up or down by 0.6 to 1.2; a dropout, 16 to
    39 samples of 0; a drift that begins somewhere and grows to 0.6 to 1.2 at the end, up or down; a burst of added
    noise of standard deviation 0.25 to 0.5 over 16 to 39 samples; and a missing beat, of which only the baseline and
    its noise are left. Raises ``ValueError`` for another split or fewer than one window.
    """
    check_split("signals", split, SPLITS)
    n = SPLITS[split] if num_windows is None else num_windows
    check_size(n, "num_images")
    stream = 3 * (len(SPLITS) * seed + list(SPLITS).index(split))  # streams never meet
    uniform = torch.rand(n, 12, generator=torch.Generator().manual_seed(stream))
    noise, burst = (torch.randn(n, LENGTH, generator=torch.Generator().manual_seed(stream + i)) for i in (1, 2))

    waves, rest, number = _normal(uniform[:, :6], noise)
    clean = waves + rest
    y = torch.zeros(n, dtype=torch.int64)
    if split == "test":
        y = (((2 * uniform[:, 6] - 1) * (len(KINDS) - 1)).floor().long() + 1).clamp(min=0)
    faulty, mask = _faults(y, waves, rest, number, uniform[:, 7:], burst)
    x = torch.where(mask, faulty, clean)
    return SignalSet(x[:, None], y, mask[:, None], clean[:, None], KINDS, "signals", split)


def signal_day(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """A stream for those who watch: 1,000 stretches of the test part in random order, 20 of them with a fault.

    Returns the stretches (1000, 1, 128), where their faults are, bool (1000, 128), and whether there is one, bool
    (1000,). Days of other seeds share no stretch.
    """
    data = load_signals("test", 2_400, seed)
    normal, faulty = (rows.nonzero()[:, 0] for rows in (data.y == 0, data.y > 0))
    order = torch.cat([normal[:980], faulty[:20]])
    order = order[torch.randperm(len(order), generator=torch.Generator().manual_seed(seed))]
    return data.x[order], data.mask[order, 0], data.y[order] > 0


def _beats(place: Tensor) -> Tensor:
    """The waves at a place in the beat, as a share of the period: any shape, 0 far away."""
    return sum(
        (height * torch.exp(-0.5 * ((place - center) / width) ** 2) for center, width, height in WAVES),
        torch.zeros_like(place),
    )


def _normal(uniform: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The parts of windows without fault, (N, 128) each: waves, noisy baseline, and the number of a sample's beat."""
    t = torch.arange(LENGTH)
    period = 28 + 12 * uniform[:, :1]
    phase = uniform[:, 1:2]
    height = 0.85 + 0.3 * uniform[:, 2:3]
    wander = 0.08 * uniform[:, 3:4] * torch.sin(2 * math.pi * (t / (2 * LENGTH) + uniform[:, 4:5]))
    beat = t / period + phase
    rest = wander + (0.01 + 0.02 * uniform[:, 5:6]) * noise
    return height * _beats(beat % 1), rest, beat.floor()


def _faults(
    y: Tensor, waves: Tensor, rest: Tensor, number: Tensor, uniform: Tensor, burst: Tensor
) -> tuple[Tensor, Tensor]:
    """The faulty signal (N, 128), and the mask (N, 128) of where it takes the place of the clean one.

    ``uniform``: (N, 5), which decide on the place, length, size and sign of the fault, and on the beat that is missing.
    """
    t = torch.arange(LENGTH)
    place, length, size, sign, beat = (uniform[:, i : i + 1] for i in range(5))
    start = (place * 80).floor()
    run = (t >= start) & (t < start + 16 + (length * 24).floor())
    jump = torch.where(sign < 0.5, -1.0, 1.0) * (0.6 + 0.6 * size)
    since = ((t - start) / (LENGTH - 1 - start)).clamp(min=0)
    lost = number == 1 + (beat < 0.5).float()  # the second or third: every window has both to their ends
    clean = waves + rest

    faulty = [
        (clean, torch.zeros_like(run)),
        (clean + jump, t == start + 20),
        (torch.zeros_like(clean), run),
        (clean + jump * since, t > start),
        (clean + (0.25 + 0.25 * size) * burst, run),
        (rest, lost),
    ]
    signals, masks = (torch.stack(parts) for parts in zip(*faulty, strict=True))  # (6, N, 128)
    rows = torch.arange(len(y))
    return signals[y, rows], masks[y, rows]
