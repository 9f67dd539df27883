"""Scikit-learn's Wisconsin diagnostic breast cancer table (Wolberg et al. 1995, UCI): 569 patients, no download."""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.data.images import check_split, take


@dataclass(frozen=True)
class TableSet:
    """Rows of a table with their labels.

    ``x``: float32 (N, F), standardised. ``y``: int64 (N,), an index into ``class_names``.
    ``feature_names``: F names, one for each column.
    """

    x: Tensor
    y: Tensor
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    name: str
    split: str

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        return f"TableSet({self.name!r}, {self.split!r}, x={tuple(self.x.shape)}, classes={len(self.class_names)})"


def load_breast_cancer(split: str, num_rows: int | None) -> TableSet:
    """Thirty measurements of cell nuclei; ``y`` is 1 for malignant, which an anomaly detector should find.

    A fixed shuffle sends the first 30 % of each class to the test: 399 rows for training, of them 250 benign, and 170
    for testing. Columns are brought to mean 0 and standard deviation 1 *on the training rows*.

    Raises ``ValueError`` for another split or more rows than it has.
    """
    from sklearn.datasets import load_breast_cancer as sklearn_table

    bunch = sklearn_table()
    target = torch.as_tensor(bunch.target, dtype=torch.int64)
    order = torch.randperm(len(target), generator=torch.Generator().manual_seed(0))
    y = 1 - target[order]  # scikit-learn has 0 for malignant
    x = torch.as_tensor(bunch.data)[order]
    is_test = torch.zeros(len(y), dtype=torch.bool)
    for label in (0, 1):
        rows = (y == label).nonzero()[:, 0]
        is_test[rows[: 3 * len(rows) // 10]] = True
    chosen = {"train": ~is_test, "test": is_test}
    check_split("breast_cancer", split, chosen)
    mean, std = x[~is_test].mean(0), x[~is_test].std(0, correction=0)
    n = take(num_rows, int(chosen[split].sum()), "breast_cancer", split)
    x, y = ((x - mean) / std)[chosen[split]][:n].float(), y[chosen[split]][:n]
    names = tuple(str(name) for name in bunch.feature_names)
    return TableSet(x, y, ("benign", "malignant"), names, "breast_cancer", split)
