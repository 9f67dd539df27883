"""The grader's cell in a learner's notebook: call the answer on the given inputs, send back what it gave.

Runs in the learner's process, so it holds no right answer, and nobody believes what it sends before a judge has
compared it. ``request`` makes the text of the cell's inputs, ``collect`` runs there, ``received`` reads its message.
"""

import base64
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from torch import Tensor

from course_lib.probes.calls import Case, Observation, observe
from course_lib.probes.host import define
from course_lib.probes.transport import MIME, TransportError, pack, unpack

_MAX_BYTES = 8 << 20
_MAX_ERROR = 2000
_MAX_NAME = 200
_LEVEL = 1  # of packing: the fastest


def request(cases: Sequence[Case]) -> str:
    """Cases as text: tensors, plain numbers, their order, and which tensors want a gradient.

    A tensor that several cases hold goes once. Packed, since a kernel goes through a cell's text letter by letter
    before it runs it (a name for tracebacks).
    """
    tensors: dict[str, Tensor] = {}
    places: dict[int, str] = {}
    listed = []
    for i, case in enumerate(cases):
        entries: list[tuple[str, Any]] = []
        for name, x in case.items():
            if isinstance(x, Tensor):
                place = places.setdefault(id(x), f"{i}/{name}")
                tensors[place] = x
                entries.append((name, {"place": place, "gradient": x.requires_grad}))
            else:
                entries.append((name, x))
        listed.append(entries)
    text = json.dumps({"cases": listed, "arrays": pack(tensors)})
    return base64.b64encode(zlib.compress(text.encode(), _LEVEL)).decode("ascii")


def requested(text: str) -> list[Case]:
    """The cases in the text that :func:`request` made; no two hold the same tensor, whatever an answer does to it."""
    content = json.loads(zlib.decompress(base64.b64decode(text)))
    tensors = unpack(content["arrays"], max_bytes=64 << 20)
    return [
        {
            name: tensors[entry["place"]].clone().requires_grad_(entry["gradient"])
            if isinstance(entry, dict)
            else entry
            for name, entry in entries
        }
        for entries in content["cases"]
    ]


def collect(name: str, probe: str, text: str, source: str = "") -> None:
    """Call the notebook's function ``name`` by ``probe`` (``module:function``) and display the outputs as data.

    If the notebook has none, its definition is looked for in ``source``, a cell that may have stopped above it.
    """
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    shell = get_ipython()
    namespace: dict[str, Any] = shell.user_ns if shell is not None else {}
    if name not in namespace:
        define(name, source, namespace)
    answer = namespace.get(name)
    module, function = probe.split(":")
    run: Callable[..., Mapping[str, Tensor]] = getattr(import_module(module), function)
    if answer is None:
        observations = [Observation({}, error=f"There is no function {name} after the cell has run.")]
    else:
        observations = [observe(run, answer, case) for case in requested(text)]
    display({MIME: report(name, observations)}, raw=True)


def report(name: str, observations: Sequence[Observation]) -> dict[str, Any]:
    """Observations as a message of plain JSON."""
    notes = [
        {"error": o.error[:_MAX_ERROR], "untouched": o.untouched, "names": list(o.outputs)} for o in observations
    ]
    tensors = {f"{i}/{key}": x for i, o in enumerate(observations) for key, x in o.outputs.items()}
    size = sum(x.numel() * x.element_size() for x in tensors.values())
    try:
        if size > _MAX_BYTES:
            raise ValueError(f"It gave back {size / 2**20:.0f} MB; at most {_MAX_BYTES >> 20} MB are taken.")
        arrays = pack(tensors)
    except Exception as error:
        notes, arrays = [{"error": str(error)[:_MAX_ERROR], "untouched": False, "names": []}], pack({})
    return {"task": name, "observations": notes, "arrays": arrays}


def received(message: object, name: str, num_cases: int) -> list[Observation]:
    """The observations in a message, one per case, or a single one that says why there are none.

    Raises ``TransportError`` for a garbled message.
    """
    if not isinstance(message, dict) or message.get("task") != name:
        raise TransportError(f"no outputs of {name}")
    notes = message.get("observations")
    if not isinstance(notes, list) or not all(isinstance(note, dict) for note in notes):
        raise TransportError("no list of observations")
    failures = [_failure(note) for note in notes]
    if len(notes) == 1 and failures[0] is not None:
        return [failures[0]]
    if len(notes) != num_cases:
        raise TransportError(f"outputs for {num_cases} inputs were expected, {len(notes)} came")
    tensors = unpack(message.get("arrays"))
    observations = []
    for i, (note, failure) in enumerate(zip(notes, failures, strict=True)):
        if failure is not None:
            observations.append(failure)
            continue
        names = note.get("names")
        if not isinstance(names, list) or not all(
            isinstance(n, str) and len(n) <= _MAX_NAME and f"{i}/{n}" in tensors for n in names
        ):
            raise TransportError("an output that is announced is missing")
        observations.append(Observation({n: tensors[f"{i}/{n}"] for n in names}))
    return observations


def _failure(note: Mapping[str, Any]) -> Observation | None:
    """What a note says of a call that gave no outputs; None if it gave some."""
    if not (note.get("error") or note.get("untouched")):
        return None
    return Observation({}, error=str(note.get("error", ""))[:_MAX_ERROR], untouched=note.get("untouched") is True)
