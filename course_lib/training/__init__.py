"""One loop that a learner can read, the steps that differ between models, averaged weights, checkpoints."""

from course_lib.training.checkpoint import load_checkpoint, save_checkpoint
from course_lib.training.ema import EMA
from course_lib.training.loop import fit
from course_lib.training.run import History
from course_lib.training.steps import (
    AutoencoderStep,
    CapacityStep,
    ConditionalVAEStep,
    FreeBitsStep,
    GANStep,
    IWAEStep,
    LadderVAEStep,
    TCVAEStep,
    TrainingStep,
    VAEGANStep,
    VAEStep,
    VQVAEStep,
    adam,
)

__all__ = [
    "EMA",
    "AutoencoderStep",
    "CapacityStep",
    "ConditionalVAEStep",
    "FreeBitsStep",
    "GANStep",
    "History",
    "IWAEStep",
    "LadderVAEStep",
    "TCVAEStep",
    "TrainingStep",
    "VAEGANStep",
    "VAEStep",
    "VQVAEStep",
    "adam",
    "fit",
    "load_checkpoint",
    "save_checkpoint",
]
