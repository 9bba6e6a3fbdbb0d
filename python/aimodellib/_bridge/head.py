"""Parses the head of a request, which the supervisor passes on as text, when a script asks for it."""

from __future__ import annotations

from ..util.request import Headers, Query


def parse_headers(head: bytes) -> Headers:
    """Return the headers: all lines of ``head`` but the first, ``name:value`` with names in lower case."""
    headers = Headers()
    # Not splitlines(): values may contain other characters that it takes for line ends.
    for line in head.decode().split("\n")[1:]:
        name, _, value = line.partition(":")
        if name in headers:
            value = f"{headers[name]}{'; ' if name == 'cookie' else ', '}{value}"
        headers[name] = value
    return headers


def parse_query(text: str) -> Query:
    """Return the parameters of a query string, without its question mark; bytes that are not UTF-8 are replaced."""
    from urllib.parse import parse_qsl

    return Query(parse_qsl(text, keep_blank_values=True, errors="replace"))
