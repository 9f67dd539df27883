"""The networks of the course. None of them squashes its output: decoders and generators return logits."""

from course_lib.models.autoencoder import Autoencoder, ConvAutoencoder, LinearAutoencoder, TopK
from course_lib.models.classifier import Classifier
from course_lib.models.conditional_gan import (
    ConcatenationDiscriminator,
    ConditionalGenerator,
    ProjectionDiscriminator,
)
from course_lib.models.conditional_vae import ConditionalVAE, ConvConditionalVAE
from course_lib.models.constraints import clip_weights, spectral_norm
from course_lib.models.deep_decoder import DeepDecoder, DeepVAE
from course_lib.models.detectors import plain_detectors
from course_lib.models.gan import Discriminator, Generator, ToyDiscriminator, ToyGenerator
from course_lib.models.gaussian_autoencoder import GaussianAutoencoder
from course_lib.models.labels import append_labels, check_labels
from course_lib.models.ladder_vae import ConvLadderVAE, LadderVAE, precision_weighted
from course_lib.models.layers import (
    ConvDecoder,
    ConvEncoder,
    PatchDecoder,
    PatchEncoder,
    evaluating,
    mlp,
    num_parameters,
)
from course_lib.models.packing import pack
from course_lib.models.priors import MixturePrior
from course_lib.models.vae import MLPVAE, VAE, ConvVAE, PatchVAE, bounded_logvar, reparameterize
from course_lib.models.vae_gan import VAEGAN
from course_lib.models.vq_vae import VQVAE, ConvVQVAE, nearest_code, straight_through
