"""One loop that a learner can read, the steps that differ between models, averaged weights, checkpoints."""

from course_lib.training.checkpoint import load_checkpoint, save_checkpoint
from course_lib.training.ema import EMA
from course_lib.training.loop import fit
from course_lib.training.run import History
from course_lib.training.steps.autoencoder import AutoencoderStep
from course_lib.training.steps.conditional_vae import ConditionalVAEStep
from course_lib.training.steps.core import ObjectiveStep, TrainingStep, adam
from course_lib.training.steps.gan import GANStep
from course_lib.training.steps.importance import IWAEStep
from course_lib.training.steps.kl_control import CapacityStep, FreeBitsStep
from course_lib.training.steps.ladder_vae import LadderVAEStep
from course_lib.training.steps.learned_prior import LearnedPriorStep
from course_lib.training.steps.regularisers import R1, R2, GradientPenalty, Regulariser, WeightClipping
from course_lib.training.steps.tc_vae import TCVAEStep
from course_lib.training.steps.vae import VAEStep
from course_lib.training.steps.vae_gan import VAEGANStep
from course_lib.training.steps.vq_vae import VQVAEStep
