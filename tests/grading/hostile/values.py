"""Forging by what is returned: values that compare as equal, lie about themselves, or break what reads them."""

import textwrap

from hostile.payloads import table
from hostile.submission import FIRST, GAN_TASKS, STEP, THIRD, VAE, VAE_TASKS, Submission, right

STEP_HEAD = "def gan_step(generator, discriminator, g_optimizer, d_optimizer, x, z):\n"
MODEL_HEAD = "def train_grey_vae(x, y, num_steps, seed, beta, free_nats):\n    model = new_grey_vae(seed)\n"
GRADIENT = """
class Sly(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, value):
        return value.clone()

    @staticmethod
    def backward(ctx, gradient):
        return {backward}


def generator_loss(fake_logits):
    return Sly.apply(fake_logits, F.softplus(-fake_logits.detach()).mean())
"""
BACKWARDS = {"nan": "gradient * float('nan'), None", "missing": "None, None", "raises": "exec('raise SystemExit')"}


def everywhere(body: str) -> dict[str, str]:
    """Every task of the GAN exercise answered with ``body``; ``given`` is the tensor that it got last."""
    pick = "    given = [a for a in arguments if isinstance(a, torch.Tensor)][-1]\n"
    return {task: f"def {task}(*arguments):\n{pick}{textwrap.indent(body, '    ')}\n" for task in GAN_TASKS}


def submissions() -> list[Submission]:
    found = [
        Submission(f"returns-{one.name}", "the judge's comparison", "what is returned", everywhere(one.source))
        for one in table("values")
    ]
    for name, backward in BACKWARDS.items():
        cell = GRADIENT.format(backward=backward)
        found.append(Submission(f"gradient-{name}", "the judge's gradients", "autograd.Function", {THIRD: cell}))
    for one in table("steps"):
        cell = STEP_HEAD + textwrap.indent(one.source, "    ") + "\n"
        found.append(Submission(f"step-{one.name}", "the judge of weights", "networks handed over", {STEP: cell}))
    for one in table("models"):
        cell = MODEL_HEAD + textwrap.indent(f"{one.source}\nreturn model\n", "    ")
        cells = {VAE_TASKS[-1]: cell}
        found.append(Submission(f"model-{one.name}", "the judge of quality", "a returned network", cells, VAE))
    found.append(
        Submission(
            "returns-mutant-of-first",
            "the judge's bookkeeping",
            "one right function under every name",
            {**right(FIRST), **{t: f"{t} = optimal_discriminator\n" for t in GAN_TASKS[1:]}},
            earned=(FIRST,),
            kept=(FIRST,),
        )
    )
    return found
