"""Frames: the unit of the protocol, and reading and writing them on a socket.

A frame is a fixed header, metadata (a UTF-8 JSON object) and a body (raw bytes)::

    body length u32 | request id u32 | kind u8 | flags u8 | metadata length u16      little-endian

docs/protocol.md defines the kinds, who sends them, and what their metadata holds.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any, NamedTuple

PROTOCOL_VERSION = 1

HELLO = 1
START = 2
READY = 3
FAILED = 4
INVOKE = 5
RESULT = 6
ERROR = 7
STOP = 8
DONE = 9
KINDS = range(HELLO, DONE + 1)

HEADER = struct.Struct("<IIBBH")
MAX_METADATA = 0xFFFF

#: Bodies up to this size are taken out of the read buffer; larger ones are received into memory of their own.
READ_BUFFER = 64 * 1024


class ProtocolError(Exception):
    """The other side sent what the protocol does not allow; the connection can't be used any more."""


class Closed(Exception):
    """The other side closed the connection between two frames."""


class Frame(NamedTuple):
    """One frame; ``metadata`` is still JSON text, since the hot path seldom needs to parse it."""

    kind: int
    request_id: int
    metadata: bytes
    body: bytes


def encode(kind: int, request_id: int, metadata: bytes = b"", body_length: int = 0) -> bytes:
    """Return header and metadata of a frame whose body, of ``body_length`` bytes, is sent after it."""
    return HEADER.pack(body_length, request_id, kind, 0, len(metadata)) + metadata


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

    def __init__(self, sock: socket.socket, max_body: int) -> None:
        self.max_body = max_body
        self._sock = sock
        # Twice the limit of a frame taken from here, so that header and metadata always fit beside a beginning body.
        self._buffer = bytearray(2 * READ_BUFFER)
        self._view = memoryview(self._buffer)
        self._filled = 0

    def read(self) -> list[Frame]:
        """Wait for data, and return the frames that are complete then (at least one).

        Raises Closed at the end of the stream, ProtocolError for what is no frame or ends within one.
        """
        while True:
            received = self._sock.recv_into(self._view[self._filled :])
            if received == 0:
                if self._filled:
                    raise ProtocolError(f"The stream ended within a frame, after {self._filled} bytes of it")
                raise Closed
            self._filled += received
            frames = self._take()
            if frames:
                return frames

    def _take(self) -> list[Frame]:
        frames: list[Frame] = []
        start, end, view = 0, self._filled, self._view
        while end - start >= HEADER.size:
            body_length, request_id, kind, flags, metadata_length = HEADER.unpack_from(self._buffer, start)
            if kind not in KINDS:
                raise ProtocolError(f"A frame has the unknown kind {kind}")
            if flags:
                raise ProtocolError(f"A frame of kind {kind} has the unknown flags {flags:#x}")
            if body_length > self.max_body:
                raise ProtocolError(f"A frame's body of {body_length} bytes is over the limit of {self.max_body}")
            metadata_start = start + HEADER.size
            body_start = metadata_start + metadata_length
            body_end = body_start + body_length
            if body_end <= end:
                frames.append(
                    Frame(
                        kind,
                        request_id,
                        bytes(view[metadata_start:body_start]),
                        bytes(view[body_start:body_end]),
                    )
                )
                start = body_end
            elif body_end - start > READ_BUFFER and body_start <= end:
                # Too large for the buffer: the rest is received into memory of its own, straight from the socket.
                metadata = bytes(view[metadata_start:body_start])
                body = self._receive_body(bytes(view[body_start:end]), body_length)
                frames.append(Frame(kind, request_id, metadata, body))
                start = end
            else:
                break
        rest = end - start
        if start and rest:
            self._buffer[:rest] = self._buffer[start:end]
        self._filled = rest
        return frames

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
