"""The networks of the course. None of them squashes its output: decoders and generators return logits."""

from course_lib.models.autoencoder import Autoencoder, ConvAutoencoder, LinearAutoencoder
from course_lib.models.classifier import Classifier
from course_lib.models.gan import Discriminator, Generator, ToyDiscriminator, ToyGenerator
from course_lib.models.layers import ConvDecoder, ConvEncoder, evaluating, mlp, num_parameters
from course_lib.models.vae import MLPVAE, VAE, ConvVAE, bounded_logvar, reparameterize
from course_lib.models.vae_gan import VAEGAN

__all__ = [
    "MLPVAE",
    "VAE",
    "VAEGAN",
    "Autoencoder",
    "Classifier",
    "ConvAutoencoder",
    "ConvDecoder",
    "ConvEncoder",
    "ConvVAE",
    "Discriminator",
    "Generator",
    "LinearAutoencoder",
    "ToyDiscriminator",
    "ToyGenerator",
    "bounded_logvar",
    "evaluating",
    "mlp",
    "num_parameters",
    "reparameterize",
]
