"""One loop that a learner can read, the steps that differ between models, averaged weights, checkpoints."""

from course_lib.training.checkpoint import load_checkpoint, save_checkpoint
from course_lib.training.ema import EMA
from course_lib.training.loop import fit
from course_lib.training.run import History
from course_lib.training.steps import (
    R1,
    AutoencoderStep,
    CapacityStep,
    ConditionalVAEStep,
    FreeBitsStep,
    GANStep,
    GradientPenalty,
    IWAEStep,
    LadderVAEStep,
    ObjectiveStep,
    Regulariser,
    TCVAEStep,
    TrainingStep,
    VAEGANStep,
    VAEStep,
    VQVAEStep,
    WeightClipping,
    adam,
)

__all__ = [
    "EMA",
    "R1",
    "AutoencoderStep",
    "CapacityStep",
    "ConditionalVAEStep",
    "FreeBitsStep",
    "GANStep",
    "GradientPenalty",
    "History",
    "IWAEStep",
    "LadderVAEStep",
    "ObjectiveStep",
    "Regulariser",
    "TCVAEStep",
    "TrainingStep",
    "VAEGANStep",
    "VAEStep",
    "VQVAEStep",
    "WeightClipping",
    "adam",
    "fit",
    "load_checkpoint",
    "save_checkpoint",
]
