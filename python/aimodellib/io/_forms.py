"""Forms: ``application/x-www-form-urlencoded``, and ``multipart/form-data`` (RFC 7578)."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qsl

from ._errors import InputError, TooLargeError
from ._limits import limits
from ._media import decode, parse_media_type, parse_parameters
from ._values import Form, Upload

#: The most bytes of the headers of one part.
MAX_HEADERS = 8192
#: The boundaries that RFC 2046 allows, to which browsers and clients keep.
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_DISPOSITION = re.compile(r"[ \t]*form-data[ \t]*(?=;)", re.IGNORECASE)


def read_urlencoded(data: bytes, parameters: dict[str, str]) -> Form:
    """Read a form without files, as browsers send it. Raises InputError and TooLargeError."""
    text = decode(data, parameters.get("charset"))
    if text.lstrip()[:1] in ("{", "[") and _is_json(text):
        # `curl -d` sends this content type by default.
        raise InputError(
            "The body is JSON, but its Content-Type says that it is a form: send Content-Type: application/json"
        )
    if text.count("&") >= limits.parts:
        raise _too_many()
    try:
        return Form([*parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict")])
    except UnicodeDecodeError as error:
        raise InputError("The form has escapes that are not UTF-8") from error
    except ValueError as error:
        raise InputError("The form is not a list of name=value, joined by &") from error


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def read_multipart(data: bytes, parameters: dict[str, str]) -> Form:
    """Read a form with files: a part with a file name, or with another type than text, becomes an Upload."""
    boundary = parameters.get("boundary", "")
    if _BOUNDARY.fullmatch(boundary) is None:
        raise InputError("The Content-Type multipart/form-data needs a boundary of 1 to 70 characters")
    delimiter = b"--" + boundary.encode()
    separator = b"\r\n" + delimiter
    position = 0 if data.startswith(delimiter) else data.find(separator) + 2
    if position == 1:
        raise InputError("The form does not have the boundary that its Content-Type says")
    pairs: list[tuple[str, str | Upload]] = []
    while True:
        position += len(delimiter)
        if data.startswith(b"--", position):
            return Form(pairs)
        line_end = data.find(b"\r\n", position, position + MAX_HEADERS)
        if line_end < 0 or data[position:line_end].strip(b" \t"):
            raise InputError(f"Part {len(pairs) + 1} of the form does not begin after a boundary's line")
        if len(pairs) >= limits.parts:
            raise _too_many()
        head_end = data.find(b"\r\n\r\n", line_end, line_end + MAX_HEADERS)
        if head_end < 0:
            raise InputError(f"Part {len(pairs) + 1} of the form has no headers, or more than {MAX_HEADERS} bytes")
        end = data.find(separator, head_end + 2)
        if end < 0:
            raise InputError(f"The form ends early: no boundary follows part {len(pairs) + 1}")
        content = data[head_end + 4 : max(end, head_end + 4)]
        pairs.append(_part(data[line_end + 2 : head_end], content, len(pairs) + 1))
        position = end + 2


def _part(head: bytes, content: bytes, number: int) -> tuple[str, str | Upload]:
    headers: dict[str, str] = {}
    for line in decode(head, None).split("\r\n"):
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    disposition = headers.get("content-disposition", "")
    match = _DISPOSITION.match(disposition)
    fields = parse_parameters(disposition, match.end()) if match else {}
    if "name" not in fields:
        raise InputError(f"Part {number} of the form has no Content-Disposition: form-data with a name")
    if headers.get("content-transfer-encoding", "binary").lower() not in ("binary", "8bit", "7bit"):
        raise InputError(f"Part {number} of the form has a Content-Transfer-Encoding: send its bytes as they are")
    # Browsers encode a quotation mark as %22.
    name = fields["name"].replace("%22", '"')
    content_type = headers.get("content-type", "")
    media = parse_media_type(content_type)
    if "filename" in fields or (media is not None and media.name != "text/plain"):
        filename = fields.get("filename", "").replace("%22", '"')
        return name, Upload(filename, content_type or "application/octet-stream", content)
    try:
        return name, decode(content, media.parameters.get("charset") if media is not None else None)
    except InputError as error:
        raise InputError(f"The field {name!r:.60} of the form can't be read: {error}") from error


def _too_many() -> TooLargeError:
    return TooLargeError(f"The form has more than {limits.parts} fields")
