"""Forging by what the kernel says: display messages, replies, raw ZMQ, and whatever serialises on the way."""

import textwrap

from hostile.payloads import table
from hostile.submission import FIRST, GAN_TASKS, LAST, RIGHT, Submission, right
from hostile.values import everywhere

WRONG = "def optimal_discriminator(log_p, log_q):\n    return torch.zeros_like(log_p)\n"

# Sees every message of the kernel, whatever the grader's MIME type may be called; `meddle` changes the content of those
# that carry more than text, and may send others
INTERCEPT = """
import base64, copy, json
from jupyter_client.session import Session

_send = Session.send
seen = []
PLAIN = {{"text/plain", "text/html", "image/png", "text/markdown"}}


def everything(value, change):
    # `change` applied to every string, number and truth in a message
    if isinstance(value, dict):
        return {{k: everything(v, change) for k, v in value.items()}}
    if isinstance(value, (list, tuple)):
        return [everything(v, change) for v in value]
    return change(value)


def binary(change):
    # `change` applied to whatever holds a safetensors file, in base64 or not
    def changed(value):
        try:
            raw = base64.b64decode(value, validate=True) if isinstance(value, str) else bytes(value)
            size = int.from_bytes(raw[:8], "little")
            header = json.loads(raw[8 : 8 + size])
            new = change(header, raw[8 + size :])
        except Exception:
            return value
        return base64.b64encode(new).decode() if isinstance(value, str) else new
    return changed


def packed(header, body, size=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if size is None else size).to_bytes(8, "little") + text + body


def meddle(content, again):
{meddle}


def send(self, stream, message, content=None, *args, **kwargs):
    is_message = isinstance(message, dict)
    kind = message.get("msg_type") if is_message else message
    content = message["content"] if is_message else content
    if kind in ("display_data", "execute_result", "update_display_data") and set(content["data"]) - PLAIN:
        seen.append(copy.deepcopy(content))

        def again(other):
            # a message of its own: the same one again would be dropped for its signature
            fresh = self.msg(kind, other, parent=message["parent_header"]) if is_message else message
            _send(self, stream, fresh, None if is_message else other, *args, **kwargs)

        content = meddle(content, again)
        if content is None:
            return None
        if is_message:
            message = {{**message, "content": content}}
    return _send(self, stream, message, None if is_message else content, *args, **kwargs)


Session.send = send
"""
LATER = """
import atexit, threading, time

publish = get_ipython().display_pub.publish
kinds = ["application/" + kind for kind in (
    "vnd.course+json", "vnd.course.answers+json", "x-course", "json", "vnd.course.grade+json",
    "vnd.safetensors", "octet-stream"
)]
verdict = {"task": "r1_penalty", "passed": True, "points": 99, "verdict": "right", "score": 99, "outputs": []}


def forge():
    for kind in kinds:
        publish({kind: verdict, "text/plain": "right"}, {"course": verdict})
"""
KERNEL = """
kernel = get_ipython().kernel
parent = kernel.get_parent()
session, iopub = kernel.session, kernel.iopub_socket
"""


def submissions() -> list[Submission]:
    found = []
    for one in table("meddlers"):
        meddle = textwrap.indent(one.source, "    ")
        garbles = "garbles" in one.flags
        source = f"TASKS = {GAN_TASKS!r}\n" + INTERCEPT.format(meddle=meddle) + "\n\n"
        rest = RIGHT if garbles else everywhere("return given.sum() * 0")
        cells = {**rest, FIRST: source + RIGHT[FIRST]}
        earned = GAN_TASKS if garbles else (FIRST,)
        found.append(
            Submission(f"meddles-{one.name}", "what the judge is sent", "Session.send", cells, earned=earned)
        )
    for one in table("displays"):
        cells = {FIRST: f"{LATER}\n\n{one.source}\n"}
        found.append(Submission(f"forges-{one.name}", "what the judge is sent", "display messages", cells))
    for one in table("raw"):
        cells = {FIRST: KERNEL + one.source, **right(LAST)}
        found.append(Submission(f"raw-{one.name}", "the grader's client", "raw messages", cells, earned=(LAST,)))
    for one in table("patches"):
        cells = {FIRST: f"{one.source}\n\n{WRONG}"}
        found.append(Submission(f"patches-{one.name}", "the collector", "patched modules", cells))
    return found
