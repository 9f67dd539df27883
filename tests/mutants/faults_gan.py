"""Faults in the GAN code."""

from fault import Fault

FAULTS = [
    Fault(
        "saturating loss by default",
        "objectives/adversarial.py",
        "saturating: bool = False",
        "saturating: bool = True",
        "test_objectives_gan.py",
    ),
    Fault(
        "real and generated swapped",
        "objectives/adversarial.py",
        "DiscriminatorLoss(F.softplus(-real_logits), F.softplus(fake_logits))",
        "DiscriminatorLoss(F.softplus(real_logits), F.softplus(-fake_logits))",
        "test_objectives_gan.py",
    ),
    Fault(
        "logarithm of a probability plus a little",
        "objectives/adversarial.py",
        "else F.softplus(-fake_logits)",
        "else -(fake_logits.sigmoid() + 1e-8).log()",
        "test_objectives_gan.py",
    ),
    Fault(
        "R1 without its half",
        "objectives/penalties.py",
        "0.5 * gamma * gradient",
        "gamma * gradient",
        "test_objectives_gan.py",
    ),
    Fault(
        "R1 that doesn't train the weights",
        "objectives/penalties.py",
        "0.5 * gamma * gradient",
        "0.5 * gamma * gradient.detach()",
        "test_objectives_gan.py",
    ),
    Fault(
        "missing detach, and a gradient for everybody",
        "training/steps/gan.py",
        "self.discriminator(torch.cat([x, x_fake.detach()])).chunk(2)",
        "self.discriminator(torch.cat([x, x_fake])).chunk(2)",
        "test_training_steps.py",
    ),
]
