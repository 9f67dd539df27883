"""Weights in a file: what was saved comes back, and what isn't right for the network is refused."""

import pytest
import torch

from course_lib.models import ConvVAE
from course_lib.models.weights import load_weights, save_weights


def test_weights_round_trip(tmp_path):
    torch.manual_seed(0)
    model, other = ConvVAE(3), ConvVAE(3)
    digest = save_weights(tmp_path / "a.safetensors", model, seed="0")
    assert digest.startswith(load_weights(tmp_path / "a.safetensors", other))
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_weights_of_another_network_a_truncated_file_and_an_unknown_name_are_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    save_weights(path, ConvVAE(3))
    with pytest.raises(ValueError, match="another network than this ConvVAE"):
        load_weights(path, ConvVAE(4))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="whole safetensors file"):
        load_weights(path, ConvVAE(3))
    with pytest.raises(FileNotFoundError, match="classifier"):
        load_weights("no_such_weights", ConvVAE(3))
