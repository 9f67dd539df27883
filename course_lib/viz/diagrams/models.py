"""The models of the course, drawn. A shape stands below each box; B, the size of the batch, is left out."""

import itertools
from typing import Literal

from matplotlib.figure import Figure

from course_lib.viz.diagrams.language import Arrow, Box, diagram
from course_lib.viz.style import BLACK, GREY, MODELS, PURPLE, SYMBOLS


def autoencoder_diagram(latent_dim: int = 16, image: str = "28 × 28") -> Figure:
    """x -> encoder -> z -> decoder -> x_hat, and the squared error between the ends."""
    color = MODELS["autoencoder"]
    boxes = {
        "x": Box((0, 0), "$x$", image, color=SYMBOLS["x"]),
        "encoder": Box((1, 0), "encoder\n$f$", kind="encoder", color=color),
        "z": Box((2, 0), "$z$", f"code: {latent_dim} numbers", color=SYMBOLS["z"]),
        "decoder": Box((3, 0), "decoder\n$g$", kind="decoder", color=color),
        "x_hat": Box((4, 0), r"$\hat x$", image, color=SYMBOLS["x_hat"]),
        "loss": Box((2, 1), "squared\nerror", kind="loss", color=GREY),
    }
    arrows = [*_chain("x", "encoder", "z", "decoder", "x_hat")]
    arrows += [Arrow("x", "loss", bend=-0.15), Arrow("x_hat", "loss", bend=0.15)]
    return diagram(boxes, arrows)


def denoising_diagram(latent_dim: int = 64, image: str = "28 × 28") -> Figure:
    """An autoencoder that gets a noisy image and is compared with the clean one."""
    color = MODELS["autoencoder"]
    boxes = {
        "x": Box((0, 0), "$x$", "clean", color=SYMBOLS["x"]),
        "eps": Box((1, -1), r"$\varepsilon$", r"drawn from $\mathcal{N}(0, I)$", color=SYMBOLS["eps"]),
        "y": Box((1, 0), "$y$", color=BLACK),
        "encoder": Box((2, 0), "encoder\n$f$", kind="encoder", color=color),
        "z": Box((3, 0), "$z$", f"code: {latent_dim}", color=SYMBOLS["z"]),
        "decoder": Box((4, 0), "decoder\n$g$", kind="decoder", color=color),
        "x_hat": Box((5, 0), r"$\hat x$", image, color=SYMBOLS["x_hat"]),
        "loss": Box((2.5, 1.1), "squared\nerror", kind="loss", color=GREY),
    }
    arrows = [*_chain("x", "y", "encoder", "z", "decoder", "x_hat")]
    arrows += [Arrow("eps", "y", r"$y = x + \sigma\,\varepsilon$"), Arrow("x", "loss", bend=-0.15)]
    arrows += [Arrow("x_hat", "loss", bend=0.15)]
    return diagram(boxes, arrows)


def three_models_diagram(latent_dim: int = 16, image: str = "28 × 28") -> Figure:
    """One z, and the networks of the VAE, the GAN and the VAE-GAN that each make an image of it."""
    boxes = {"z": Box((0, 1), "$z$", f"{latent_dim} numbers", color=SYMBOLS["z"])}
    arrows = []
    for row, (model, part) in enumerate([("VAE-GAN", "decoder"), ("GAN", "generator"), ("VAE", "decoder")]):
        boxes[model] = Box((1.4, row), f"{model}'s\n{part}", kind="decoder", color=MODELS[model])
        boxes[f"image {model}"] = Box((2.6, row), "image", image, color=SYMBOLS["x_hat"])
        arrows += _chain("z", model, f"image {model}")
    return diagram(boxes, arrows)


def vae_diagram(latent_dim: int = 16, image: str = "28 × 28") -> Figure:
    """The encoder gives a mean and a standard deviation; noise turns them into a code that gradients pass through."""
    color = MODELS["VAE"]
    boxes = {
        "x": Box((0, 0.5), "$x$", image, color=SYMBOLS["x"]),
        "encoder": Box((1, 0.5), "encoder", kind="encoder", color=color),
        "mu": Box((2, 1), r"$\mu$", str(latent_dim), color=SYMBOLS["mu"]),
        "sigma": Box((2, 0), r"$\sigma$", str(latent_dim), color=SYMBOLS["sigma"]),
        "eps": Box((3, -0.7), r"$\varepsilon$", r"drawn from $\mathcal{N}(0, I)$", color=SYMBOLS["eps"]),
        "z": Box((3, 0.5), "$z$", color=SYMBOLS["z"]),
        "decoder": Box((4, 0.5), "decoder", kind="decoder", color=color),
        "x_hat": Box((5, 0.5), r"$\hat x$", image, color=SYMBOLS["x_hat"]),
        "kl": Box((3, 1.5), "KL", kind="loss", color=GREY),
        "loss": Box((5, 1.5), "recon-\nstruction", kind="loss", color=GREY),
    }
    arrows = [*_chain("x", "encoder"), *_chain("z", "decoder", "x_hat", "loss")]
    arrows += [Arrow("encoder", "mu"), Arrow("encoder", "sigma"), Arrow("mu", "z"), Arrow("sigma", "z")]
    arrows += [Arrow("eps", "z", r"$z = \mu + \sigma\,\varepsilon$"), Arrow("mu", "kl")]
    arrows += [Arrow("sigma", "kl", bend=-0.2)]
    return diagram(boxes, arrows)


def latent_space_diagram() -> Figure:
    """A VAE with the three questions to its code: what is used of it, what a number of it means, where it is drawn."""
    color = MODELS["VAE"]
    boxes = {
        "x": Box((0, 1), "$x$", "28 × 28", color=SYMBOLS["x"]),
        "encoder": Box((1.1, 1), "encoder", kind="encoder", color=color),
        "z": Box((2.5, 1), "$z$", color=SYMBOLS["z"]),
        "decoder": Box((3.9, 1), "decoder", kind="decoder", color=color),
        "x_hat": Box((5, 1), r"$\hat x$", "28 × 28", color=SYMBOLS["x_hat"]),
        "used": Box((1.1, 0), "2: what is\nused?", kind="loss", color=GREY),
        "means": Box((2.5, 0), "3: what is\nmeant?", kind="loss", color=GREY),
        "drawn": Box((3.9, 0), "5: where\nto draw?", kind="loss", color=GREY),
    }
    arrows = [*_chain("x", "encoder", "z", "decoder", "x_hat")]
    return diagram(boxes, arrows + [Arrow("z", name) for name in ("used", "means", "drawn")])


def latent_variable_diagram() -> Figure:
    """Below, how an image comes about; above, the way back: the posterior that is wanted, and the encoder's guess q."""
    color = MODELS["VAE"]
    boxes = {
        "prior": Box((0, 0), "prior\n$p(z)$", "known", kind="network", color=GREY),
        "z": Box((1.4, 0), "$z$", "never observed", color=SYMBOLS["z"]),
        "decoder": Box((2.8, 0), "decoder\n$p(x|z)$", kind="decoder", color=color),
        "x": Box((4.2, 0), "$x$", "observed", color=SYMBOLS["x"]),
        "posterior": Box((0, 1.35), "posterior\n$p(z|x)$", "can't be computed", kind="loss", color=PURPLE),
        "q": Box((1.8, 1.35), "guess\n$q(z|x)$", "ours", kind="network", color=color),
        "encoder": Box((3.2, 1.35), "encoder", kind="decoder", color=color),  # it narrows to the left here
    }
    arrows = [*_chain("prior", "z", "decoder", "x"), *_chain("encoder", "q")]
    arrows += [Arrow("x", "encoder", bend=0.25), Arrow("q", "posterior", "KL: the gap")]
    return diagram(boxes, arrows)


def gan_diagram(
    turn: Literal["both", "discriminator", "generator"] = "both", latent_dim: int = 64, *, labels: bool = False
) -> Figure:
    """Noise becomes an image; the discriminator gives a logit to it and to real ones. ``turn``: whose gradient flows.

    In the discriminator's turn the way back to the generator exists and isn't used (``detach``). ``labels``: both
    players are told the class.
    """
    color = MODELS["GAN"]
    boxes = {
        "z": Box((0, 0), "$z$", f"noise: {latent_dim}", color=SYMBOLS["z"]),
        "generator": Box((1, 0), "generator\n$G$", kind="decoder", color=color),
        "fake": Box((2.1, 0), r"$G(z)$", "28 × 28", color=SYMBOLS["x_hat"]),
        "real": Box((2.1, 1), "$x$", "28 × 28", color=SYMBOLS["x"]),
        "discriminator": Box((3.3, 0.5), "discrimi-\nnator $D$", kind="encoder", color=BLACK),
        "logit": Box((4.4, 0.5), "logit", "real or made?", color=GREY),
    }
    arrows = [*_chain("z", "generator", "fake", "discriminator", "logit"), Arrow("real", "discriminator")]
    if labels:
        boxes["y"] = Box((2.1, -1.1), "$y$", "class", color=BLACK)
        arrows += [Arrow("y", "generator", bend=-0.2), Arrow("y", "discriminator", bend=0.2)]
    if turn == "discriminator":
        boxes["loss"] = Box((5.6, 0.5), "loss of $D$", kind="loss", color=GREY)
        arrows += [Arrow("logit", "loss"), Arrow("loss", "discriminator", flow="gradient", bend=0.45)]
        arrows += [Arrow("discriminator", "fake", "detach", flow="unused", bend=-0.6)]
    elif turn == "generator":
        boxes["loss"] = Box((5.6, 0.5), "loss of $G$", kind="loss", color=GREY)
        arrows = [arrow for arrow in arrows if arrow.start != "real"]
        boxes.pop("real")
        arrows += [Arrow("logit", "loss"), Arrow("loss", "generator", "through $D$", flow="gradient", bend=-0.45)]
    return diagram(boxes, arrows, legend=turn != "both")


def vae_gan_diagram(gradients: bool = False) -> Figure:
    """A VAE whose decoder is a GAN's generator. ``gradients``: which part of the loss may train which network.

    With ``gradients``: the ten ways from the four parts of Larsen et al. (2016) to the three networks; five are used.
    """
    color = MODELS["VAE-GAN"]
    if gradients:
        parts = {"KL": "KL", "error": "feature\nerror", "fool": "fool", "tell": "tell"}
        networks = {"encoder": "encoder", "decoder": "decoder", "discriminator": "discrimi-\nnator"}
        boxes = {
            key: Box((1.6 * k, 1.6), text, kind="loss", color=GREY) for k, (key, text) in enumerate(parts.items())
        }
        for k, (key, text) in enumerate(networks.items()):
            kind: Literal["encoder", "decoder"] = "decoder" if key == "decoder" else "encoder"
            shade = BLACK if key == "discriminator" else color
            boxes[key] = Box((0.8 + 1.6 * k, 0), text, kind=kind, color=shade)
        used = {("KL", "encoder"), ("error", "encoder"), ("error", "decoder"), ("fool", "decoder")}
        used.add(("tell", "discriminator"))
        absent = {("KL", "decoder"), ("KL", "discriminator")}
        ways = [(part, network) for part in parts for network in networks if (part, network) not in absent]
        ways.sort(key=lambda way: way in used)
        return diagram(
            boxes, [Arrow(*way, flow="gradient" if way in used else "unused") for way in ways], legend=True
        )
    boxes = {
        "x": Box((0, 1), "$x$", "28 × 28", color=SYMBOLS["x"]),
        "encoder": Box((1, 1), "encoder", kind="encoder", color=color),
        "z": Box((2, 1), "$z$", r"$\mu + \sigma\,\varepsilon$", color=SYMBOLS["z"]),
        "prior": Box((2, 0), "$z_p$", r"from $\mathcal{N}(0, I)$", color=SYMBOLS["z"]),
        "decoder": Box((3, 0.5), "decoder\n= generator", kind="decoder", color=color),
        "x_hat": Box((4, 1), r"$\tilde x$", "28 × 28", color=SYMBOLS["x_hat"]),
        "x_p": Box((4, 0), "$x_p$", "28 × 28", color=SYMBOLS["x_hat"]),
        "discriminator": Box((5.1, 0.5), "discrimi-\nnator", kind="encoder", color=BLACK),
        "features": Box((6.2, 1), "$f$", "features: 1,024", color=GREY),
        "logit": Box((6.2, 0), "logit", "real or made?", color=GREY),
    }
    arrows = [*_chain("x", "encoder", "z", "decoder", "x_hat", "discriminator", "features")]
    arrows += [*_chain("prior", "decoder", "x_p", "discriminator", "logit")]
    arrows += [Arrow("x", "discriminator", bend=-0.42)]
    return diagram(boxes, arrows)


def _chain(*names: str) -> list[Arrow]:
    return [Arrow(start, end) for start, end in itertools.pairwise(names)]
