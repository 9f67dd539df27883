"""What strangers call things, as text that can be written down."""


def writable(text: str) -> str:
    """``text`` with ``\\xff`` in place of what no file in UTF-8 can hold: bytes of a file's name, halves of a pair."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
