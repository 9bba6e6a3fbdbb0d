"""The error of this API."""

from __future__ import annotations


class ApiError(Exception):
    """Says why a request can't be answered. ``serve`` answers with an error in the form of OpenAI's API.

    ``status`` is the HTTP status. ``param`` names the parameter of the request that is at fault, and ``code`` tells
    programs the reason, such as ``context_length_exceeded``.
    """

    def __init__(self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code


def invalid(param: str, expected: str) -> ApiError:
    """Return the error for a parameter that is not what it must be: ``expected`` completes "must be"."""
    return ApiError(f"'{param}' must be {expected}", param=param, code="invalid_value")
