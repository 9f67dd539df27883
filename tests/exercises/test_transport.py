"""Tensors on their way through text: nothing is lost, and nothing a stranger writes gets further than a clear error."""

import base64
import json
import pickle
import struct

import pytest
import torch
from safetensors.torch import save

from course_lib.probes.collect import received, report, request, requested
from course_lib.probes.transport import TransportError, pack, unpack
from course_lib.tasks.core import Observation
from course_lib.tasks.find import find_task


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def forged(header: dict, body: bytes = b"") -> str:
    head = json.dumps(header).encode()
    return text(struct.pack("<Q", len(head)) + head + body)


def entry(shape: list, begin: int, end: int, dtype: str = "F32") -> dict:
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}}


def test_tensors_come_back_as_they_went() -> None:
    tensors = {
        "floats": torch.tensor([[1.5, float("nan")], [float("inf"), -0.0]]),
        "a view": torch.arange(6.0, dtype=torch.float64).reshape(2, 3).T,
        "expanded": torch.ones(1, 3).expand(2, 3),
        "scalar": torch.tensor(3),
        "empty": torch.zeros(0, 4),
        "bits": torch.tensor([True, False]),
        "with a gradient": torch.ones(2, requires_grad=True),
    }
    back = unpack(pack(tensors))
    assert set(back) == set(tensors)
    for name, x in tensors.items():
        assert back[name].dtype == x.dtype
        torch.testing.assert_close(back[name], x.detach(), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (None, "text was expected, got a NoneType"),
        (["a"], "got a list"),
        ("not base64!", "not base64"),
        ("é", "not base64"),
        ("", "too short"),
        (text(b"1234"), "too short"),
        (text(pickle.dumps({"a": 1})), "header of"),
        (text(struct.pack("<Q", 2**62) + b"{}"), "more than there is"),
        (text(struct.pack("<Q", 2) + b"{]"), "not JSON"),
        (text(struct.pack("<Q", 100_000) + b"[" * 100_000), "not JSON"),
        (forged([]), "must list"),
        (forged({str(i): entry([0], 0, 0)["a"] for i in range(600)}), "at most 512"),
        (forged({"a": 3}), "lacks dtype"),
        (forged(entry([10**15], 0, 4 * 10**15)), "is not one"),
        (forged(entry([-4], 0, 16), b"0" * 16), "is not one"),
        (forged(entry([True], 0, 4), b"0" * 4), "is not one"),
        (forged(entry([2.0], 0, 8), b"0" * 8), "is not one"),
        (forged(entry([4], 0, 4), b"0" * 16), "does not fit"),
        (forged(entry([4], 0, 16), b"0" * 8), "does not fit"),
        (forged(entry([4], 0, 16, "PICKLE"), b"0" * 16), "does not fit"),
        (forged(entry([4], 8, 24), b"0" * 24), "safetensors"),
    ],
)
def test_anything_else_is_a_clear_error(what: object, says: str) -> None:
    with pytest.raises(TransportError, match=says):
        unpack(what)


def test_too_much_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(TransportError, match="more than the 1 MB"):
        unpack("A" * (3 << 20), max_bytes=1 << 20)


def test_cases_keep_their_order_numbers_and_wishes_for_gradients() -> None:
    case = {"z": torch.ones(2, requires_grad=True), "gamma": 0.5, "a": torch.zeros(3), "n": 7}
    (back,) = requested(request([case]))
    assert list(back) == list(case)
    assert (back["gamma"], back["n"]) == (0.5, 7)
    assert back["z"].requires_grad
    assert not back["a"].requires_grad


def test_a_tensor_of_two_cases_goes_once_and_comes_as_two() -> None:
    x = torch.randn(500, 3)
    text = request([{"x": x, "n": 1}, {"x": x, "n": 2}])
    assert len(text) < 1.2 * len(request([{"x": x}]))
    first, second = requested(text)
    assert torch.equal(first["x"], x)
    first["x"].zero_()
    assert torch.equal(second["x"], x)
    assert (first["n"], second["n"]) == (1, 2)


def test_inputs_of_many_images_are_packed() -> None:
    """A kernel takes 0.2 ms for each kB of a cell's text before it runs it."""
    cases = find_task("train_grey_vae").cases(0)
    assert cases[0]["x"].nbytes > 300_000
    assert len(request(cases)) < 150_000
    assert torch.equal(requested(request(cases))[0]["x"], cases[0]["x"])


def test_observations_come_back_as_they_went() -> None:
    seen = [Observation({"value": torch.ones(2)}), Observation({"value": torch.zeros(2)})]
    back = received(json.loads(json.dumps(report("f", seen))), "f", 2)
    assert [o.outputs["value"].tolist() for o in back] == [[1, 1], [0, 0]]
    (stub,) = received(report("f", [Observation({}, "write it", untouched=True)]), "f", 5)
    assert stub.untouched


def test_outputs_too_large_to_send_become_an_error_in_words() -> None:
    (seen,) = received(report("f", [Observation({"value": torch.zeros(3 << 20)})]), "f", 1)
    assert seen.error == "It gave back 12 MB; at most 8 MB are taken."


def test_outputs_that_have_no_plain_form_become_an_error_in_words() -> None:
    (seen,) = received(report("f", [Observation({"value": torch.ones(2, dtype=torch.complex64)})]), "f", 1)
    assert seen.error


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        {},
        {"task": "other", "observations": []},
        {"task": "f", "observations": "none"},
        {"task": "f", "observations": [3, 4]},
        {"task": "f", "observations": [{"names": ["value"]}]},
        {"task": "f", "observations": [{"names": ["value"]}, {"names": [["a"]]}], "arrays": pack({})},
        {"task": "f", "observations": [{"names": "value"}, {}], "arrays": pack({"0/v": torch.ones(1)})},
        {"task": "f", "observations": [{"names": []}, {"names": []}], "arrays": text(save({})[:9])},
    ],
)
def test_a_garbled_message_is_a_clear_error(message: object) -> None:
    with pytest.raises(TransportError):
        received(message, "f", 2)
