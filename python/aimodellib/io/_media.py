"""Media types and the parameters of header fields: RFC 9110, sections 5.6.6 and 8.3."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from ._errors import InputError, UnsupportedTypeError

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TYPE = re.compile(rf"[ \t]*({_TOKEN}/{_TOKEN})[ \t]*")
_PARAMETER = re.compile(rf'[ \t]*;[ \t]*(?:({_TOKEN})[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^\s;"]*))?[ \t]*', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

#: Python's names of the accepted encodings: decoding takes time and memory proportional to the text's length. Some of
#: Python's other encodings are slow (punycode), and some are not charsets (unicode_escape).
_CHARSET = re.compile(
    r"ascii|utf-(?:8|16|32)(?:-sig|-le|-be)?|iso8859-\d+|cp\d+|koi8-[ru]|mac-roman"
    r"|shift_jis|euc_jp|iso2022_jp|euc_kr|big5|gb2312|gbk|gb18030"
)


class MediaType(NamedTuple):
    """A type such as ``text/csv`` in lower case, and its parameters by their names in lower case."""

    name: str
    parameters: dict[str, str]


def parse_media_type(text: str) -> MediaType | None:
    """Parse a media type or a media range; None if the text is neither.

    What follows a malformed parameter is ignored.
    """
    match = _TYPE.match(text)
    if match is None:
        return None
    return MediaType(match.group(1).lower(), parse_parameters(text, match.end()))


def parse_parameters(text: str, start: int) -> dict[str, str]:
    """Parse ``; name=value`` parameters from ``start``; of several with one name, the first counts."""
    found: dict[str, str] = {}
    while True:
        match = _PARAMETER.match(text, start)
        if match is None:
            return found
        start = match.end()
        name, value = match.groups()
        if name is not None:
            if value.startswith('"'):
                value = _ESCAPED.sub(r"\1", value[1:-1])
            found.setdefault(name.lower(), value)


def decode(data: bytes, charset: str | None) -> str:
    """Decode text, without its byte order mark.

    Raises UnsupportedTypeError for an unknown charset, and InputError if the bytes are invalid in it.
    """
    name = "utf-8" if charset is None else _known(charset)
    try:
        text = data.decode(name)
    except UnicodeDecodeError as error:
        where = f"byte 0x{data[error.start]:02x} at position {error.start}" if error.start < len(data) else "its end"
        hint = "" if charset is not None else ". For other text than UTF-8, name the charset in Content-Type"
        raise InputError(f"The body is not {name.upper()} text: {where} can't be decoded{hint}") from error
    return text[1:] if text.startswith("\ufeff") else text


def _known(charset: str) -> str:
    if len(charset) < 40 and charset.isascii():
        try:
            name = codecs.lookup(charset).name
        except (LookupError, ValueError):
            name = ""
        if _CHARSET.fullmatch(name):
            return name
    raise UnsupportedTypeError(f"Cannot read text in the charset {charset!r:.60}: send UTF-8")
