"""What one training step of each model does: this is where the models of the course differ.

A step owns its networks' optimisers. It takes a batch of images and returns named scalars, detached. Networks and
data are on one device.
"""

from course_lib.training.steps.autoencoder import AutoencoderStep
from course_lib.training.steps.core import TrainingStep, adam
from course_lib.training.steps.gan import GANStep
from course_lib.training.steps.vae import VAEStep
from course_lib.training.steps.vae_gan import VAEGANStep

__all__ = ["AutoencoderStep", "GANStep", "TrainingStep", "VAEGANStep", "VAEStep", "adam"]
