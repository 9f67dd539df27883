"""How fast is training here, beside what learners use today? Everything in one run, in turns, on the same images.

    python benchmarks/speed.py [--dataset glyphs] [--images 60000] [--epochs 1] [--rounds 5] [--quick]

Against (a) the loop that tutorials teach (benchmarks/tutorial.py), (b) ``pythae`` where it is installed
(`make bench` does it), and against the limit: the bare matrix products or convolutions of the same shapes,
forward and both backward ones. Networks, batch size, learning rate and number of epochs are the same; each
contestant starts from the same weights. Every round times each contestant once; ratios are taken within a round and
given as median (lowest to highest). The column "-ELBO" is that of 10,000 test images (glyphs: 4,000), binarised, of
the networks as the last round left them: the speed isn't bought with a worse model.
"""

import argparse
import contextlib
import copy
import io
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import tutorial
from machine import machine
from torch import Tensor, nn

from course_lib.data import binarize, load
from course_lib.metrics import evaluate_elbo
from course_lib.models import MLPVAE, VAE, ConvVAE, Discriminator, Generator
from course_lib.training import GANStep, VAEStep, fit
from course_lib.training.accelerate import InBFloat16, compile_step

VAE_BATCH, GAN_BATCH, GAN_LATENT = 128, 64, 64


@dataclass
class Result:
    seconds: float
    loss: float = float("nan")
    loading: float = float("nan")  # share of the time


@dataclass
class Task:
    """One architecture, and the contestants that train it: each takes a number of epochs."""

    name: str
    batch_size: int
    contestants: dict[str, Callable[[int], Result]]


class Flat(nn.Module):
    """A network on vectors, given images."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x.flatten(1))


def ours_vae(
    start: VAE, x: Tensor, test: Tensor, *, bf16: bool = False, larger: int = 1, compiled: bool = False
) -> Callable[[int], Result]:
    """``larger``: how many times the others' batch. Compiling is done before the clock starts, once a round."""

    def run(epochs: int) -> Result:
        model = copy.deepcopy(start)
        if bf16:
            model.encoder, model.decoder = InBFloat16(model.encoder), InBFloat16(model.decoder)
        step = VAEStep(model)
        batch_size = larger * VAE_BATCH
        if compiled:
            compile_step(step)
            state = copy.deepcopy(step.state_dict())
            step(x[:batch_size])
            step.load_state_dict(state)
        steps = epochs * (len(x) // batch_size)
        history = fit(step, x, num_steps=steps, batch_size=batch_size, progress=False)
        return Result(history.seconds, test_loss(model, test))

    return run


def tutorial_vae(start: VAE, images: Tensor, test: Tensor, flat: bool) -> Callable[[int], Result]:
    def run(epochs: int) -> Result:
        model = copy.deepcopy(start)
        encoder = Flat(model.encoder) if flat else model.encoder
        timing = tutorial.train_vae(encoder, model.decoder, images, epochs, VAE_BATCH)
        return Result(timing.seconds, test_loss(model, test), timing.loading / timing.seconds)

    return run


def pythae_vae(start: MLPVAE, grey: Tensor, test: Tensor) -> Callable[[int], Result]:
    """``pythae``'s own networks of this architecture and its training pipeline, used as its documentation does."""
    from pythae.models import VAE as PythaeVAE
    from pythae.models import VAEConfig
    from pythae.pipelines import TrainingPipeline
    from pythae.trainers import BaseTrainerConfig

    logging.disable(logging.INFO)

    def run(epochs: int) -> Result:
        mine = copy.deepcopy(start)
        first, head = (layer for layer in mine.encoder if isinstance(layer, nn.Linear))
        back, last = (layer for layer in mine.decoder if isinstance(layer, nn.Linear))
        config = VAEConfig(input_dim=(1, 28, 28), latent_dim=start.latent_dim, reconstruction_loss="bce")
        model = PythaeVAE(config)
        theirs = [model.encoder.layers[0][0], model.decoder.layers[0][0], model.decoder.layers[1][0]]
        heads = model.encoder.embedding, model.encoder.log_var
        with torch.no_grad():
            for ours, other in zip([first, back, last], theirs, strict=True):
                other.load_state_dict(ours.state_dict())
            for name in ("weight", "bias"):
                for half, other in zip(getattr(head, name).chunk(2), heads, strict=True):
                    getattr(other, name).copy_(half)
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
            settings = BaseTrainerConfig(
                output_dir=folder,
                per_device_train_batch_size=VAE_BATCH,
                num_epochs=epochs,
                learning_rate=1e-3,
                no_cuda=True,
            )
            pipeline = TrainingPipeline(training_config=settings, model=model)
            started = time.perf_counter()
            pipeline(train_data=grey)
            seconds = time.perf_counter() - started
        with torch.no_grad():
            for ours, other in zip([first, back, last], theirs, strict=True):
                ours.load_state_dict(other.state_dict())
            for name in ("weight", "bias"):
                getattr(head, name).copy_(torch.cat([getattr(other, name) for other in heads]))
        return Result(seconds, test_loss(mine, test))

    return run


def ours_gan(start: tuple[Generator, Discriminator], x: Tensor) -> Callable[[int], Result]:
    """The game alone, as the tutorials play it: no penalty; the average of the weights stays."""

    def run(epochs: int) -> Result:
        step = GANStep(*copy.deepcopy(start), GAN_LATENT, lr=2e-4, betas=(0.5, 0.999), regularisers=())
        steps = epochs * (len(x) // GAN_BATCH)
        return Result(fit(step, x, num_steps=steps, batch_size=GAN_BATCH, progress=False).seconds)

    return run


def tutorial_gan(start: tuple[Generator, Discriminator], images: Tensor) -> Callable[[int], Result]:
    def run(epochs: int) -> Result:
        timing = tutorial.train_dcgan(*copy.deepcopy(start), GAN_LATENT, images, epochs, GAN_BATCH)
        return Result(timing.seconds, loading=timing.loading / timing.seconds)

    return run


@dataclass
class Pass:
    """A batch through a network: backward to its weights, to its input, or to both."""

    network: nn.Module
    x: Tensor
    to_weights: bool = True
    to_input: bool = False


def limit(passes: list[Pass], num_images: int, batch_size: int) -> Callable[[int], Result]:
    """Only the products: each linear and convolutional layer of each pass forward, then backward to what it must."""
    calls: list[tuple[nn.Module, Tensor, Tensor, list[Tensor]]] = []
    for one in passes:
        network = copy.deepcopy(one.network)
        layers = [m for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]
        seen: list[tuple[Tensor, Tensor]] = []
        hooks = [
            m.register_forward_hook(lambda _, inputs, out, seen=seen: seen.append((inputs[0], out)))
            for m in layers
        ]
        with torch.no_grad():
            network(one.x)
        for hook in hooks:
            hook.remove()
        for layer, (inputs, out) in zip(layers, seen, strict=True):
            inner = layer is not layers[0] or one.to_input
            a = inputs.clone().requires_grad_(inner)
            layer.requires_grad_(False).weight.requires_grad_(one.to_weights)
            wanted = [t for t in (a, layer.weight) if t.requires_grad]
            calls.append((layer, a, torch.randn_like(out), wanted))

    def run(epochs: int) -> Result:
        started = time.perf_counter()
        for _ in range(epochs * (num_images // batch_size)):
            for layer, a, grad, wanted in calls:
                torch.autograd.grad(layer(a), wanted, grad)
        return Result(time.perf_counter() - started)

    return run


def test_loss(model: VAE, x: Tensor) -> float:
    shaped = x.flatten(1) if isinstance(model, MLPVAE) else x
    return -evaluate_elbo(model, shaped, generator=torch.Generator().manual_seed(1)).elbo.mean().item()


def tasks(x: Tensor, test: Tensor, with_pythae: bool, with_bf16: bool, with_compiler: bool) -> list[Task]:
    """Everything that is timed, on grey levels ``x`` (N, 1, 28, 28)."""
    images = (x * 255).round().to(torch.uint8).squeeze(1)
    grey, flat = x, x.flatten(1)
    torch.manual_seed(0)
    mlp, conv = MLPVAE(784, 512, 16), ConvVAE(16)
    players = Generator(GAN_LATENT), Discriminator()
    of_mlp: dict[str, Callable[[int], Result]] = {
        "ours": ours_vae(mlp, flat, test),
        "tutorial": tutorial_vae(mlp, images, test, flat=True),
    }
    if with_pythae:
        of_mlp["pythae"] = pythae_vae(mlp, grey, test)
    of_conv: dict[str, Callable[[int], Result]] = {
        "ours": ours_vae(conv, x, test),
        "tutorial": tutorial_vae(conv, images, test, flat=False),
    }
    if with_bf16:
        of_mlp["ours, bf16"] = ours_vae(mlp, flat, test, bf16=True)
        of_conv["ours, bf16"] = ours_vae(conv, x, test, bf16=True)
    of_mlp["ours, 4 × the batch"] = ours_vae(mlp, flat, test, larger=4)
    if with_compiler:
        of_mlp["ours, compiled"] = ours_vae(mlp, flat, test, compiled=True)
    z = torch.randn(VAE_BATCH, 16)
    of_mlp["limit"] = limit(
        [Pass(mlp.encoder, flat[:VAE_BATCH]), Pass(mlp.decoder, z, to_input=True)], len(x), VAE_BATCH
    )
    of_conv["limit"] = limit(
        [Pass(conv.encoder, x[:VAE_BATCH]), Pass(conv.decoder, z, to_input=True)], len(x), VAE_BATCH
    )
    noise, batch = torch.randn(GAN_BATCH, GAN_LATENT), x[:GAN_BATCH]
    generator, discriminator = players
    of_game = [
        Pass(generator, noise),
        Pass(discriminator, torch.cat([batch, batch])),
        Pass(discriminator, batch, to_weights=False, to_input=True),
    ]
    of_gan = {
        "ours": ours_gan(players, x),
        "tutorial": tutorial_gan(players, images),
        "limit": limit(of_game, len(x), GAN_BATCH),
    }
    return [
        Task("MLP VAE 784-512-16", VAE_BATCH, of_mlp),
        Task("conv VAE 16/32 channels", VAE_BATCH, of_conv),
        Task("DCGAN", GAN_BATCH, of_gan),
    ]


def report(task: Task, results: dict[str, list[Result]], epochs: int) -> None:
    """A table in Markdown: medians over rounds, and each opponent's time over ours within the same round."""
    print(f"\n**{task.name}**, batch {task.batch_size}\n")
    print("| | epochs per second | time against ours | loading | test −ELBO |\n|---|---|---|---|---|")
    ours = [r.seconds for r in results["ours"]]
    for name, rounds in results.items():
        ratios = sorted(r.seconds / mine for r, mine in zip(rounds, ours, strict=True))
        rate = epochs / statistics.median(r.seconds for r in rounds)
        spread = f"{statistics.median(ratios):.2f}× ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        loading, loss = statistics.median(r.loading for r in rounds), rounds[-1].loss
        share = f"{loading:.0%}" if loading == loading else "–"
        quality = f"{loss:.2f}" if loss == loss else "–"
        print(f"| {name} | {rate:.3f} | {spread} | {share} | {quality} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="glyphs")
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["MLP", "conv", "DCGAN"], help="one of the three tables")
    parser.add_argument("--compile", action="store_true", help="time compiled steps too: minutes, and needs g++")
    parser.add_argument("--quick", action="store_true", help="12,800 images, 3 rounds")
    options = parser.parse_args()
    if options.quick:
        options.images, options.rounds = 12_800, 3
    x = load(options.dataset, num_images=options.images).x
    test = binarize(load(options.dataset, "test").x, torch.Generator().manual_seed(0))
    try:
        import pythae  # noqa: F401

        with_pythae = True
    except ImportError:
        with_pythae = False
        print("pythae isn't installed, so it isn't timed: `make bench` installs it into .venv-bench")
    with_bf16 = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    print(
        f"{machine()}; {options.dataset}, "
        f"{len(x)} images, {options.epochs} epochs, {options.rounds} rounds, "
        f"seed 0; bf16 on this CPU: {'yes' if with_bf16 else 'no'}"
    )
    for task in tasks(x, test, with_pythae, with_bf16, options.compile):
        if options.only and not task.name.startswith(options.only):
            continue
        results: dict[str, list[Result]] = {name: [] for name in task.contestants}
        for _ in range(options.rounds):
            for name, run in task.contestants.items():
                results[name].append(run(options.epochs))
        report(task, results, options.epochs)


if __name__ == "__main__":
    main()
