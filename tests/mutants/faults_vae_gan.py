"""Faults in the VAE-GAN code."""

from fault import Fault

FAULTS = [
    Fault(
        "the decoder helps the discriminator",
        "training/steps/vae_gan.py",
        "self.gamma * g + f for",
        "self.gamma * g - f for",
        "test_training_steps.py",
    ),
    Fault(
        "the adversarial loss reaches the encoder",
        "objectives/vae_gan.py",
        "(self.beta * self.kl + self.feature_error).mean()",
        "(self.beta * self.kl + self.feature_error + self.fool).mean()",
        "test_objectives_gan.py",
    ),
]
