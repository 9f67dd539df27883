"""One check for everything that is read from a file: is it the content we mean?"""

import hashlib


class HashMismatch(RuntimeError):
    """A file was found, but its content is not the published one."""


def check_sha256(content: bytes, expected: str, name: str, remedy: str) -> None:
    """Raise ``HashMismatch`` unless ``content`` has the SHA-256 ``expected`` (hexadecimal)."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise HashMismatch(f"{name} must have SHA-256 {expected}, got {found}; {remedy}")
