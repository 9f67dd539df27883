"""Faults in the VAE-GAN code."""

from fault import Fault

OBJECTIVES, STEPS = "test_objectives_gan.py", "test_training_vae_gan.py"

FAULTS = [
    Fault(
        "the decoder helps the discriminator",
        "training/steps/vae_gan.py",
        "losses.gamma * g + f for",
        "losses.gamma * g - f for",
        STEPS,
        "pythae",
    ),
    Fault(
        "the adversarial loss reaches the encoder",
        "objectives/vae_gan.py",
        "(self.beta * self.kl + self.feature_error).mean()",
        "(self.beta * self.kl + self.feature_error + self.fool).mean()",
        OBJECTIVES,
    ),
    Fault(
        "the reconstruction reaches the discriminator",
        "training/steps/vae_gan.py",
        "torch.autograd.grad(d_objective, rest)",
        "torch.autograd.grad(d_objective + losses.decoder, rest)",
        STEPS,
        "pythae",
    ),
    Fault(
        "the encoder weighs its reconstruction like the decoder",
        "training/steps/vae_gan.py",
        "torch.autograd.grad(losses.encoder, encoder + decoder, retain_graph=True)",
        "torch.autograd.grad(losses.encoder + losses.decoder, encoder + decoder, retain_graph=True)",
        STEPS,
        "pythae",
    ),
    Fault(
        "feature error averaged over features",
        "objectives/vae_gan.py",
        "return 0.5 * squared_error(features_hat, features)",
        "return 0.5 * squared_error(features_hat, features) / features.shape[1]",
        OBJECTIVES,
        "pythae",
    ),
    Fault(
        "feature error without its half",
        "objectives/vae_gan.py",
        "return 0.5 * squared_error",
        "return squared_error",
        OBJECTIVES,
    ),
    Fault(
        "reconstructions left out of the discriminator's loss",
        "objectives/vae_gan.py",
        "tell=on_hat.real + 0.5 * (on_hat.fake + on_prior.fake)",
        "tell=on_hat.real + on_prior.fake",
        OBJECTIVES,
        "pythae",
    ),
    Fault(
        "decoded images counted twice",
        "objectives/vae_gan.py",
        "tell=on_hat.real + 0.5 * (on_hat.fake + on_prior.fake)",
        "tell=on_hat.real + on_hat.fake + on_prior.fake",
        OBJECTIVES,
    ),
    Fault(
        "prior samples that fool nobody",
        "objectives/vae_gan.py",
        "fool=0.5 * (generator_loss(logits_hat) + generator_loss(logits_prior))",
        "fool=0.5 * generator_loss(logits_hat)",
        OBJECTIVES,
    ),
    Fault(
        "lazy R1 at its plain weight",
        "training/steps/regularisers.py",
        "regulariser.every * penalty.mean()",
        "penalty.mean()",
        STEPS,
    ),
]
