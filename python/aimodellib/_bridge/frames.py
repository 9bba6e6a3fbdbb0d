"""Frames: the unit of the protocol, and reading and writing them on a socket.

A frame is a fixed header, metadata (a UTF-8 JSON object) and a body (raw bytes)::

    body length u32 | request id u32 | kind u8 | flags u8 | metadata length u16      little-endian

Flags are 0, or name the slot of the exchange (exchange.py) in which the body is instead.
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
KINDS = range(HELLO, HEAD + 1)

HEADER = struct.Struct("<IIBBH")
HEADER_SIZE = HEADER.size
_unpack_header = HEADER.unpack_from
MAX_METADATA = 0xFFFF
#: The longest body of HEAD: a head of 128 KiB, each of whose bytes may be two in UTF-8.
MAX_HEAD = 256 * 1024

#: Asked of the socket at once. A frame that is larger has its body received into memory of its own.
READ_SIZE = 64 * 1024


class ProtocolError(Exception):
    """The other side sent what the protocol does not allow; the connection can't be used any more."""


class LinkError(ProtocolError):
    """A frame could not be sent or received whole; the connection can't be used any more."""


class Closed(Exception):
    """The other side closed the connection between two frames, or has not taken what was sent."""


#: Kind, request id, metadata (still JSON text: the hot path seldom needs to parse it), body. A plain tuple, for speed.
Frame = Tuple[int, int, bytes, bytes]


def encode(kind: int, request_id: int, metadata: bytes = b"", body_length: int = 0) -> bytes:
    """Return header and metadata of a frame whose body, of ``body_length`` bytes, is sent after it."""
    return HEADER.pack(body_length, request_id, kind, 0, len(metadata)) + metadata


def unexpected(kind: int) -> ProtocolError:
    """Return the error for a frame that no serving worker takes."""
    return ProtocolError(f"A frame of kind {kind} is not for a serving worker")


def parse_object(text: bytes, what: str) -> dict[str, Any]:
    """Parse ``text``, a JSON object or empty.

    Raises ProtocolError, which says ``what`` did not parse and why.
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
    """Reads frames from a blocking socket: one ``recv`` gets all that is there, every complete frame is handled."""

    def __init__(
        self, sock: socket.socket, max_body: int, read_body: Callable[[int, int], bytes | None] | None = None
    ) -> None:
        """``read_body(flags, length)`` returns the body that a frame's flags point to, or None if it is not there."""
        self.max_body = max_body
        self._read_body = read_body
        self._sock = sock
        self._rest = b""
        #: What HEAD said of the request that follows.
        self._head = b""
        self._failure: Exception | None = None

    def read(self) -> list[Frame]:
        """Wait for data, and return the frames that are complete then (at least one).

        Raises Closed at the end of the stream, ProtocolError for what is no frame or ends within one, LinkError if the
        socket fails; and from then on the same again.
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
        """Raise what reading has failed with, if it has."""
        if self._failure is not None:
            raise self._failure

    def has_data(self, timeout: float = 0) -> bool:
        """Tell whether there is something to read, or the end, within ``timeout`` seconds. Raises LinkError."""
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
                # A large body: the rest is received into memory of its own, straight from the socket.
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
    """Writes frames to a blocking socket: each is sent whole, or nothing is sent any more."""

    def __init__(self, sock: socket.socket) -> None:
        self._sendall = sock.sendall
        self._failure: Exception | None = None

    def write(self, data: Payload) -> None:
        """Send all of ``data``. Raises Closed if the other side is gone, and LinkError if the socket fails."""
        if self._failure is not None:
            raise self._failure
        try:
            self._sendall(data)
        except BaseException as error:
            # A part of it may have been sent: the other side would take what comes now for the rest.
            self._failure = _failure_of("written to", error)
            if not isinstance(error, OSError):
                raise  # A signal handler of the script has raised it.
            raise self._failure from error


def _failure_of(what: str, error: BaseException) -> Exception:
    if isinstance(error, (BrokenPipeError, ConnectionResetError)):
        return Closed()
    return LinkError(f"The connection could not be {what}: {type_name(error)}: {message_of(error)}")
