"""Choose the content type of a response from the request's Accept header (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from typing import Sequence


def choose(accepted: str, offered: Sequence[str]) -> str | None:
    """Return the offered type that the client prefers, or None if it accepts none of them.

    Of types equally preferred, the one that the client named most precisely wins, then the one offered first.

    >>> choose("text/html;q=0.9, application/*;q=0.5, */*;q=0.1", ["application/json", "text/csv"])
    'application/json'
    """
    ranges = [parse(part) for part in accepted.split(",") if part.strip()] or [("*/*", 1.0)]
    best, best_rank = None, (0.0, -1)
    for media_type in offered:
        patterns = ["*/*", media_type.split("/")[0] + "/*", media_type]
        # The most precise range that matches a type decides its quality, even if it says 0.
        precision, quality = max(
            ((patterns.index(pattern), quality) for pattern, quality in ranges if pattern in patterns),
            default=(-1, 0.0),
        )
        if quality > 0 and (quality, precision) > best_rank:
            best, best_rank = media_type, (quality, precision)
    return best


def parse(part: str) -> tuple[str, float]:
    """Read one range: ``text/csv; q=0.5`` is ``("text/csv", 0.5)``. A quality that makes no sense counts as 0."""
    pattern, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for name, _, value in (parameter.partition("=") for parameter in parameters):
        if name.strip() == "q":
            try:
                return pattern, min(float(value), 1.0)
            except ValueError:
                return pattern, 0.0
    return pattern, 1.0
