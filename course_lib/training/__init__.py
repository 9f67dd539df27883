"""One loop that a learner can read, the steps that differ between models, averaged weights, saved weights."""

from course_lib.training.ema import EMA
from course_lib.training.loop import History, fit
from course_lib.training.steps import AutoencoderStep, GANStep, VAEGANStep, VAEStep, adam
from course_lib.training.weights import load_weights, save_weights

__all__ = [
    "EMA",
    "AutoencoderStep",
    "GANStep",
    "History",
    "VAEGANStep",
    "VAEStep",
    "adam",
    "fit",
    "load_weights",
    "save_weights",
]
