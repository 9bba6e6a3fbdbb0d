"""What is raised for a request that cannot be read, and for a result that cannot be written."""

from __future__ import annotations


class InputError(ValueError):
    """The request is wrong, and the client is told why: 400 from any function of a script, ``predict`` included."""

    status = 400


class TooLargeError(InputError):
    """The body holds more than ``limits`` allows (413)."""

    status = 413


class UnsupportedTypeError(InputError):
    """No reader for the content type (415); the header ``Accept`` of the answer lists the types that have one."""

    status = 415

    def __init__(self, message: str, accepted: tuple[str, ...] = ()) -> None:
        """Take the content types that could be sent instead."""
        super().__init__(message)
        self.headers = {"Accept": ", ".join(accepted)} if accepted else {}


class UnwritableError(TypeError):
    """The result of ``predict`` has no form in the format that was chosen: a fault of the script (500)."""


class Unfit(Exception):
    """A value cannot be written in one format, and another is to be tried."""
