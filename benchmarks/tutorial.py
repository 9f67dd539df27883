"""The loop that tutorials teach, written down once and frozen: what a learner uses today, to be timed against.

Its habits, as found in the widely copied examples for MNIST: a ``Dataset`` that turns each sample from bytes into a
PIL image into a float tensor, a ``DataLoader`` without workers, a sigmoid at the end of the decoder and binary
cross-entropy on grey levels, plain Adam, ``loss.item()`` at every step; for the GAN a batch of real and one of
generated images, each with labels made anew. The networks are handed in, so that only the loop differs.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


class ImageDataset(Dataset[Tensor]):
    """Images as bytes (N, 28, 28); each access makes a PIL image and a float tensor (1, 28, 28) of one."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        image = Image.fromarray(self.images[index].numpy())
        pixels = torch.from_numpy(np.array(image, copy=True)).view(28, 28, 1)
        return pixels.permute(2, 0, 1).contiguous().to(torch.float32).div(255)


@dataclass
class Timing:
    """Wall seconds of a number of epochs, and how many of them went into loading."""

    seconds: float
    loading: float


def train_vae(
    encoder: nn.Module, decoder: nn.Module, images: Tensor, epochs: int, batch_size: int = 128
) -> Timing:
    """``encoder``: flat images to (B, 2 D); ``decoder``: codes to logits. Images: bytes (N, 28, 28)."""
    loader = DataLoader(ImageDataset(images), batch_size=batch_size, shuffle=True, num_workers=0)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    started, loading = time.perf_counter(), 0.0
    for _ in range(epochs):
        train_loss = 0.0
        before = time.perf_counter()
        for data in loader:
            loading += time.perf_counter() - before
            optimizer.zero_grad()
            mu, logvar = encoder(data).chunk(2, dim=1)
            std = torch.exp(0.5 * logvar)
            z = mu + torch.randn_like(std) * std
            recon = torch.sigmoid(decoder(z)).view_as(data)
            bce = F.binary_cross_entropy(recon, data, reduction="sum")
            kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
            loss = bce + kld
            loss.backward()
            train_loss += loss.item()
            optimizer.step()
            before = time.perf_counter()
    return Timing(time.perf_counter() - started, loading)


def train_dcgan(
    generator: nn.Module,
    discriminator: nn.Module,
    latent_dim: int,
    images: Tensor,
    epochs: int,
    batch_size: int = 64,
) -> Timing:
    """``generator``: noise (B, latent_dim) to logits of grey levels; ``discriminator``: images to logits (B,)."""
    loader = DataLoader(ImageDataset(images), batch_size=batch_size, shuffle=True, num_workers=0)
    criterion = nn.BCELoss()
    d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    started, loading = time.perf_counter(), 0.0
    for _ in range(epochs):
        before = time.perf_counter()
        for data in loader:
            loading += time.perf_counter() - before
            discriminator.zero_grad()
            label = torch.full((len(data),), 1.0)
            output = torch.sigmoid(discriminator(data))
            d_real = criterion(output, label)
            d_real.backward()
            d_x = output.mean().item()
            fake = torch.sigmoid(generator(torch.randn(len(data), latent_dim)))
            label.fill_(0.0)
            output = torch.sigmoid(discriminator(fake.detach()))
            d_fake = criterion(output, label)
            d_fake.backward()
            d_g_z1 = output.mean().item()
            d_optimizer.step()
            generator.zero_grad()
            label.fill_(1.0)
            output = torch.sigmoid(discriminator(fake))
            g_loss = criterion(output, label)
            g_loss.backward()
            d_g_z2 = output.mean().item()
            g_optimizer.step()
            _ = (d_real + d_fake).item(), g_loss.item(), d_x, d_g_z1, d_g_z2
            before = time.perf_counter()
    return Timing(time.perf_counter() - started, loading)
