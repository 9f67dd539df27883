"""Two ways to bound a discriminator's slope through its weights."""

from typing import TypeVar

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils import parametrizations

Network = TypeVar("Network", bound=nn.Module)
LINEAR_MAPS = (nn.Linear, nn.Bilinear, nn.Embedding, _ConvNd)


def spectral_norm(network: Network) -> Network:
    r"""Divide the weight of each linear map by its largest singular value, so that none stretches by more than 1
    (Miyato et al. 2018, arXiv:1802.05957); changes ``network`` and returns it.

    The singular value comes from one power iteration at *each use* of a weight in train mode, and so the network's
    buffers move with every forward pass; in eval mode they stand still. A convolution's weight is taken as a matrix
    of output channels by all the rest, which bounds the convolution's own norm only up to a factor. What is normalised
    already stays as it is.
    """
    for module in list(network.modules()):
        if isinstance(module, LINEAR_MAPS) and not _is_normalised(module):
            parametrizations.spectral_norm(module)
    return network


def _is_normalised(module: nn.Module) -> bool:
    return any(isinstance(part, parametrizations._SpectralNorm) for part in module.modules())


@torch.no_grad()
def clip_weights(network: nn.Module, limit: float = 0.01) -> None:
    """Move each weight into [-limit, limit], in place (Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1).

    Raises ``ValueError`` unless ``limit`` is above 0.
    """
    if not limit > 0:
        raise ValueError(f"limit must be above 0, got {limit}")
    for parameter in network.parameters():
        parameter.clamp_(-limit, limit)
