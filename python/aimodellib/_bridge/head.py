"""What a request asked for, of the lines that the supervisor hands on: parsed when a script looks at it."""

from __future__ import annotations

from ..util.request import Headers, Query


def parse_headers(head: bytes) -> Headers:
    """Return the headers: the lines of ``head`` but the first, ``name:value`` with names in lower case."""
    headers = Headers()
    # Values may have other characters that are ends of lines for splitlines().
    for line in head.decode().split("\n")[1:]:
        name, _, value = line.partition(":")
        if name in headers:
            value = f"{headers[name]}{'; ' if name == 'cookie' else ', '}{value}"
        headers[name] = value
    return headers


def parse_query(text: str) -> Query:
    """Return the parameters of what stands behind a question mark; bytes that are not UTF-8 are replaced."""
    from urllib.parse import parse_qsl

    return Query(parse_qsl(text, keep_blank_values=True, errors="replace"))
