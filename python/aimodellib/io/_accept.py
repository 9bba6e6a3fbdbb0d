"""Negotiation by ``Accept``: RFC 9110, section 12.5.1."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple, Sequence

from ._media import MediaType, parse_media_type

#: How many members of a field are considered.
MAX_MEMBERS = 100
#: The longest field, in characters, whose parsed form is cached.
MAX_CACHED = 1024

_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


class Range(NamedTuple):
    """A media range, how specific it is, and its quality from 0 to 1."""

    media: MediaType
    specificity: tuple[int, int]
    quality: float


def choose(accepted: str, offers: Sequence[str]) -> str | None:
    """Return the offer that the client prefers; among equals, the first. None if no offer is acceptable.

    A field without a valid media range is treated as absent.
    """
    if accepted == "*/*" and offers:
        return offers[0]
    ranges = _cached(accepted) if len(accepted) <= MAX_CACHED else _parse(accepted)
    if not ranges:
        return offers[0] if offers else None
    best: str | None = None
    highest = 0.0
    for offer in offers:
        quality = _quality(ranges, offer)
        if quality > highest:
            best, highest = offer, quality
    return best


def _quality(ranges: Sequence[Range], offer: str) -> float:
    media = parse_media_type(offer)
    assert media is not None
    matching = [found for found in ranges if _matches(found.media, media)]
    return max(matching, key=lambda found: found.specificity).quality if matching else 0.0


def _matches(wanted: MediaType, offer: MediaType) -> bool:
    kind, _, subtype = wanted.name.partition("/")
    if subtype == "*":
        if kind != "*" and not offer.name.startswith(f"{kind}/"):
            return False
    elif wanted.name != offer.name:
        return False
    return all(_has(offer, name, value) for name, value in wanted.parameters.items())


def _has(offer: MediaType, name: str, value: str) -> bool:
    # All text is written in UTF-8, even if the offer's type has no charset parameter.
    if name == "charset" and value.lower() in ("utf-8", "utf8"):
        return True
    return offer.parameters.get(name, "").lower() == value.lower()


@functools.lru_cache(maxsize=256)
def _cached(accepted: str) -> tuple[Range, ...]:
    return _parse(accepted)


def _parse(accepted: str) -> tuple[Range, ...]:
    ranges = []
    for member in _members(accepted):
        media = parse_media_type(member)
        if media is None:
            continue
        parameters = dict(media.parameters)
        quality = parameters.pop("q", "1")
        if _QUALITY.fullmatch(quality) is None:
            continue
        kind, _, subtype = media.name.partition("/")
        exact = 0 if kind == "*" else 1 if subtype == "*" else 2
        ranges.append(Range(MediaType(media.name, parameters), (exact, len(parameters)), float(quality)))
    return tuple(ranges)


def _members(accepted: str) -> list[str]:
    """Split at the commas that are not in quotes."""
    if '"' not in accepted:
        return accepted.split(",", MAX_MEMBERS)[:MAX_MEMBERS]
    members: list[str] = []
    start = 0
    quoted = escaped = False
    for index, character in enumerate(accepted):
        if escaped:
            escaped = False
        elif quoted and character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            members.append(accepted[start:index])
            start = index + 1
            if len(members) == MAX_MEMBERS:
                return members
    return [*members, accepted[start:]]
