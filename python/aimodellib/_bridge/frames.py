"""Frames: the unit of the protocol, and reading and writing them on a socket.

A frame is a fixed header, metadata (a UTF-8 JSON object) and a body (raw bytes)::

    body length u32 | request id u32 | kind u8 | flags u8 | metadata length u16      little-endian

Flags are 0, or name the slot of the exchange (exchange.py) or of the shared memory (memory.py) that holds the body.
docs/protocol.md defines the kinds, who sends them, and what their metadata holds.
"""

from __future__ import annotations

import json
import select
import socket
import struct
from typing import Any, Callable, Tuple

from .failures import message_of, type_name
from .payload import Payload

PROTOCOL_VERSION = 4

HELLO = 1
START = 2
READY = 3
FAILED = 4
INVOKE = 5
RESULT = 6
ERROR = 7
STOP = 8
DONE = 9
STATS = 10
CANCEL = 11
PART = 12
CREDIT = 13
HEAD = 14
SCALARS = 15
TRIM = 16
KINDS = range(HELLO, TRIM + 1)

HEADER = struct.Struct("<IIBBH")
HEADER_SIZE = HEADER.size
_unpack_header = HEADER.unpack_from
MAX_METADATA = 0xFFFF
#: The longest body of HEAD, in bytes: a head of 128 KiB, each byte of which may take two in UTF-8.
MAX_HEAD = 256 * 1024

#: How much is read from the socket at once, in bytes. The body of a larger frame gets a buffer of its own.
READ_SIZE = 64 * 1024


class ProtocolError(Exception):
    """The other side violated the protocol; the connection can't be used any more."""


class LinkError(ProtocolError):
    """A frame was only sent or received in part; the connection can't be used any more."""


class Closed(Exception):
    """The other side closed the connection between two frames, or before it had received all that was sent."""


#: Kind, request id, metadata (JSON text, which the hot path rarely needs to parse), body. A plain tuple, for speed.
Frame = Tuple[int, int, bytes, bytes]


def encode(kind: int, request_id: int, metadata: bytes = b"", body_length: int = 0) -> bytes:
    """Return the header and metadata of a frame. Its body, of ``body_length`` bytes, is sent after them."""
    return HEADER.pack(body_length, request_id, kind, 0, len(metadata)) + metadata


def unexpected(kind: int) -> ProtocolError:
    """Return the error for a frame that serving workers do not accept."""
    return ProtocolError(f"A serving worker does not accept frames of kind {kind}")


def parse_object(text: bytes, what: str) -> dict[str, Any]:
    """Parse ``text``, a JSON object; empty text is an empty object.

    Raises ProtocolError if it can't be parsed; ``what`` names the text in the message.
    """
    if not text:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"The {what} of a frame does not parse as JSON: {error}") from error
    if not isinstance(value, dict):
        raise ProtocolError(f"The {what} of a frame is not a JSON object but {type(value).__name__}")
    return value


class FrameReader:
    """Reads frames from a blocking socket. One ``recv`` takes all available bytes, which may hold many frames."""

    def __init__(
        self, sock: socket.socket, max_body: int, read_body: Callable[[int, int], bytes | None] | None = None
    ) -> None:
        """``read_body(flags, length)`` returns the body in the slot that the flags name; None if it is not there."""
        self.max_body = max_body
        self._read_body = read_body
        self._sock = sock
        self._rest = b""
        #: The body of a HEAD frame; it belongs to the INVOKE frame that follows.
        self._head = b""
        self._failure: Exception | None = None

    def read(self) -> list[Frame]:
        """Wait for data, and return all complete frames, at least one.

        Raises Closed at the end of the stream, ProtocolError if it is invalid or ends within a frame, and LinkError if
        the socket fails. Every later call raises the same.
        """
        if self._failure is not None:
            raise self._failure
        try:
            while True:
                received = self._sock.recv(READ_SIZE)
                if not received:
                    if self._rest:
                        raise ProtocolError(f"The stream ended within a frame, after {len(self._rest)} bytes of it")
                    raise Closed
                frames = self._take(self._rest + received if self._rest else received)
                if frames:
                    return frames
        except (Closed, ProtocolError) as error:
            self._failure = error
            raise
        except OSError as error:
            self._failure = _failure_of("read", error)
            raise self._failure from error

    def check(self) -> None:
        """Raise the error with which reading has failed, if it has."""
        if self._failure is not None:
            raise self._failure

    def has_data(self, timeout: float = 0) -> bool:
        """Tell whether data, or the end of the stream, arrives within ``timeout`` seconds. Raises LinkError."""
        try:
            return bool(select.select([self._sock], [], [], timeout)[0])
        except OSError as error:
            raise _failure_of("waited for", error) from error

    def _take(self, data: bytes) -> list[Frame]:
        frames: list[Frame] = []
        start, end = 0, len(data)
        while end - start >= HEADER_SIZE:
            body_length, request_id, kind, flags, metadata_length = _unpack_header(data, start)
            if kind not in KINDS or (body_length > self.max_body and (kind != HEAD or body_length > MAX_HEAD)):
                raise ProtocolError(self._refusal(body_length, kind))
            body_start = start + HEADER_SIZE + metadata_length
            body_end = body_start if flags else body_start + body_length
            if flags and body_start <= end:
                body = self._body_elsewhere(flags, body_length)
            elif body_end <= end:
                body = data[body_start:body_end]
            elif body_end - start > READ_SIZE and body_start <= end:
                # A large body: receive the rest from the socket into a buffer of its own.
                body = self._receive_body(data[body_start:], body_length)
                body_end = end
            else:
                break
            metadata = data[start + HEADER_SIZE : body_start]
            start = body_end
            if kind == HEAD:
                self._head = body
                continue
            if self._head:
                metadata, self._head = metadata + b"\n" + self._head, b""
            frames.append((kind, request_id, metadata, body))
        self._rest = data[start:]
        return frames

    def _refusal(self, body_length: int, kind: int) -> str:
        if kind not in KINDS:
            return f"A frame has the unknown kind {kind}"
        return f"A frame's body of {body_length} bytes is over the limit of {self.max_body}"

    def _body_elsewhere(self, flags: int, length: int) -> bytes:
        body = self._read_body(flags, length) if self._read_body else None
        if body is None:
            raise ProtocolError(f"A frame has the unknown flags {flags:#x}")
        return body

    def _receive_body(self, first: bytes, length: int) -> bytes:
        parts = [first] if first else []
        missing = length - len(first)
        while missing:
            part = self._sock.recv(missing, socket.MSG_WAITALL)
            if not part:
                raise ProtocolError(f"The stream ended within a body, {missing} bytes short of {length}")
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class FrameWriter:
    """Writes frames to a blocking socket. After a write that failed, it refuses all others."""

    def __init__(self, sock: socket.socket) -> None:
        self._sendall = sock.sendall
        self._failure: Exception | None = None

    def write(self, data: Payload) -> None:
        """Send all of ``data``. Raises Closed if the other side has closed, and LinkError if the socket fails."""
        if self._failure is not None:
            raise self._failure
        try:
            self._sendall(data)
        except BaseException as error:
            # Part of it may have been sent: the other side would take anything that follows for the rest.
            self._failure = _failure_of("written to", error)
            if not isinstance(error, OSError):
                raise  # A signal handler of the script has raised it.
            raise self._failure from error


def _failure_of(what: str, error: BaseException) -> Exception:
    if isinstance(error, (BrokenPipeError, ConnectionResetError)):
        return Closed()
    return LinkError(f"The connection could not be {what}: {type_name(error)}: {message_of(error)}")
