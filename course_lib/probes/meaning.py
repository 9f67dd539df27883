"""Errors of Python and PyTorch that mean something in one task that they don't mean elsewhere."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from course_lib.probes.calls import describe
from course_lib.probes.contract import AnswerError


@contextmanager
def explained(errors: Mapping[str, str]) -> Iterator[None]:
    """Say what an error means here, before the error itself, if a part of its text is on the list."""
    try:
        yield
    except (RuntimeError, AttributeError, IndexError, TypeError) as error:
        told = next((sentence for part, sentence in errors.items() if part in str(error)), "")
        if not told or isinstance(error, NotImplementedError):
            raise
        raise AnswerError(f"{told}\n{describe(error)}") from error
