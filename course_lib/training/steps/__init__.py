"""What one training step of each model does: this is where the models of the course differ.

A step owns its networks' optimisers. It takes a batch of images and returns named scalars, detached. Networks and
data are on one device.
"""

from course_lib.training.steps.autoencoder import AutoencoderStep
from course_lib.training.steps.conditional_vae import ConditionalVAEStep
from course_lib.training.steps.core import ObjectiveStep, TrainingStep, adam
from course_lib.training.steps.gan import GANStep
from course_lib.training.steps.importance import IWAEStep
from course_lib.training.steps.kl_control import CapacityStep, FreeBitsStep
from course_lib.training.steps.ladder_vae import LadderVAEStep
from course_lib.training.steps.regularisers import R1, GradientPenalty, Regulariser, WeightClipping
from course_lib.training.steps.tc_vae import TCVAEStep
from course_lib.training.steps.vae import VAEStep
from course_lib.training.steps.vae_gan import VAEGANStep
from course_lib.training.steps.vq_vae import VQVAEStep

__all__ = [
    "R1",
    "AutoencoderStep",
    "CapacityStep",
    "ConditionalVAEStep",
    "FreeBitsStep",
    "GANStep",
    "GradientPenalty",
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
]
