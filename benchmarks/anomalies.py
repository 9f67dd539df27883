"""Anomalies by reconstruction error, as in lesson 02, beside plain detectors: five seeds.

    python benchmarks/anomalies.py [--seeds 5] [--steps 1500]

On the stream every detector scores windows of 32 samples, one every four, and a stretch of 128 gets its largest score.
AUC is of all normal and faulty stretches of the test part; *precision* that of the 20 highest scores of a day of 1,000
stretches, 20 of them faulty; *found* how many of these are above a threshold that 10 of 1,000 normal stretches of a
validation part are above; *delay* from the fault's first sample to the end of the first window that alarms, the median
of those found. Seeds are of training, of the forest, and of the day. On the breast cancer table: AUC, and precision of
20 alarms among 170 rows, 63 malignant. Rows go to benchmarks/results/anomalies.csv as they are made.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from machine import machine
from resume import Rows
from torch import Tensor, nn

from course_lib.data import load, signal_day
from course_lib.metrics import alarm_threshold, precision_at_alarms, roc_auc
from course_lib.models import mlp, plain_detectors
from course_lib.training import AutoencoderStep, fit

RESULTS = Path(__file__).parent / "results" / "anomalies.csv"
FIGURES = ("auc", "precision", "found", "delay", "table_auc", "table_precision")
DETECTORS = ("autoencoder", "PCA", "isolation forest", "robust z-score")
WIDTH, STRIDE, CODE, TABLE_CODE, ALARMS = 32, 4, 6, 4, 20
ENDS = torch.arange(WIDTH - 1, 128, STRIDE)
Score = Callable[[Tensor], Tensor]


def windows(x: Tensor) -> Tensor:
    return x[:, 0].unfold(1, WIDTH, STRIDE)


def detector(name: str, x: Tensor, code: int, seed: int, num_steps: int) -> Score:
    """A score of vectors (..., D), learned from normal ones (N, D)."""
    torch.manual_seed(seed)
    if name == "autoencoder":
        width = x.shape[1]
        net = nn.Sequential(mlp([width, 64, 64, code]), mlp([code, 64, 64, width]))
        step = AutoencoderStep(net, lr=2e-3)
        fit(step, x, num_steps=num_steps, batch_size=128, seed=seed, progress=False)
        return lambda w: (net(w) - w).square().sum(-1).detach()
    return plain_detectors(x, code, seed)[name]


def on_stream(name: str, seed: int, num_steps: int) -> dict[str, float]:
    normal, watched = load("signals", "train", 6_000).x, load("signals", "test", 2_000)
    score = detector(name, windows(normal[:4_000]).reshape(-1, WIDTH), CODE, seed, num_steps)
    threshold = alarm_threshold(score(windows(normal[4_000:])).amax(1), num_false=10)
    x, faults, real = signal_day(seed)
    found = score(windows(x))
    late = ENDS - faults[real].int().argmax(1)[:, None]
    waits = torch.where((found[real] > threshold) & (late >= 0), late, torch.inf).amin(1)
    return {
        "auc": roc_auc(score(windows(watched.x)).amax(1), watched.y > 0),
        "precision": precision_at_alarms(found.amax(1), real, ALARMS),
        "found": float(waits.isfinite().sum()),
        "delay": waits[waits.isfinite()].median().item() if waits.isfinite().any() else float("nan"),
    }


def on_table(name: str, seed: int, num_steps: int) -> dict[str, float]:
    known, cases = load("breast_cancer"), load("breast_cancer", "test")
    benign = known.x[known.y == 0]
    scaled, x = ((x - benign.mean(0)) / benign.std(0) for x in (benign, cases.x))
    score = detector(name, scaled, TABLE_CODE, seed, num_steps)(x)
    return {
        "table_auc": roc_auc(score, cases.y),
        "table_precision": precision_at_alarms(score, cases.y, ALARMS),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1_500)
    parser.add_argument("--quick", action="store_true", help="1 seed, 50 steps")
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.steps = 1, 50
    torch.set_num_threads(1)
    rows = Rows(RESULTS, FIGURES)
    print(f"{machine(1)}; {options.steps} steps on the stream, a third of that on the table; by seed")
    print(f"\n| | {' | '.join(FIGURES)} |\n|---|{'---|' * len(FIGURES)}")
    for name in DETECTORS:
        settings = f"steps={options.steps} code={CODE}/{TABLE_CODE} window={WIDTH}"
        columns = rows.over_seeds(
            name,
            options.seeds,
            settings,
            lambda seed, n=name: on_stream(n, seed, options.steps) | on_table(n, seed, options.steps // 3),
        )
        print(f"| {name} | {' | '.join(', '.join(f'{v:.3g}' for v in c) for c in columns)} |", flush=True)


if __name__ == "__main__":
    main()
