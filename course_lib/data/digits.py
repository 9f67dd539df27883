"""Scikit-learn's 1,797 handwritten digits, 8 x 8 (Alpaydin and Kaynak, 1998, UCI): real data, no download."""

import torch

from course_lib.data.images import ImageSet, check_split, take

_NUM_TEST = 360


def load_digits(split: str, num_images: int | None) -> ImageSet:
    """The digits with grey levels 0 to 16 scaled to [0, 1]: 1,437 for training, 360 for testing.

    The file is sorted by writer; one fixed shuffle decides which images are tests.
    """
    from sklearn.datasets import load_digits as sklearn_digits

    bunch = sklearn_digits()
    order = torch.randperm(len(bunch.target), generator=torch.Generator().manual_seed(0))
    chosen = {"train": order[_NUM_TEST:], "test": order[:_NUM_TEST]}
    check_split("digits", split, chosen)
    index = chosen[split][: take(num_images, len(chosen[split]), "digits", split)]
    x = torch.as_tensor(bunch.images, dtype=torch.float32)[index, None] / 16
    y = torch.as_tensor(bunch.target, dtype=torch.int64)[index]
    return ImageSet(x, y, tuple("0123456789"), "digits", split)
