"""Errors for requests that cannot be read, and for results that cannot be written."""

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
        """Take the content types that the client could send instead."""
        super().__init__(message)
        self.headers = {"Accept": ", ".join(accepted)} if accepted else {}


class UnwritableError(TypeError):
    """The result of ``predict`` cannot be written in the chosen format: an error of the script (500)."""


class Unfit(Exception):
    """A value does not fit one format; the caller tries the next."""
