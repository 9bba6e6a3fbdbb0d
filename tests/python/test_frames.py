"""Frames on a real socket."""

import json
import pathlib
import random
import socket
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge import frames
from aimodellib._bridge.frames import HEADER, Closed, FrameReader, FrameWriter, LinkError, ProtocolError

LIMIT = 1 << 20


def frame(kind, request_id, metadata=b"", body=b""):
    return frames.encode(kind, request_id, metadata, len(body)) + body


def read_all(data, chunk=None):
    """Return a socket that receives ``data``, whole or in pieces, and then the end of the stream."""
    near, far = socket.socketpair()
    far.settimeout(10)
    reader, found = FrameReader(far, LIMIT), []
    with near, far:
        pieces = [data] if chunk is None else [data[i : i + chunk] for i in range(0, len(data), chunk)]
        try:
            for piece in pieces:
                near.sendall(piece)
            near.shutdown(socket.SHUT_WR)
            while True:
                found += reader.read()
        except Closed:
            return found


@pytest.mark.parametrize("chunk", [None, 1, 7])
def test_frames_are_complete_however_the_stream_is_split(chunk):
    sent = [(frames.INVOKE, 1, b'{"a":1}', b"body"), (frames.STOP, 2**32 - 1, b"", b""), (frames.HELLO, 0, b"{}", b"x")]
    assert read_all(b"".join(frame(*parts) for parts in sent), chunk) == sent


def test_a_body_larger_than_one_read_is_complete():
    body = random.Random(1).randbytes(100_000)
    assert read_all(frame(frames.INVOKE, 3, b"{}", body)) == [(frames.INVOKE, 3, b"{}", body)]


@pytest.mark.parametrize(("length", "chunk"), [(1, None), (1, 1), (20, 7), (1000, None), (70_000, None), (130_000, 50_000)])
def test_a_head_frame_is_appended_to_the_metadata_of_the_next_request(length, chunk):
    head = b"h" * length
    sent = [
        frame(frames.INVOKE, 1, b"{}\n{}", b"one"),
        frame(frames.HEAD, 2, b"", head),
        frame(frames.INVOKE, 2, b"{}\n{}", b"two"),
        frame(frames.INVOKE, 3, b"{}\n{}", b"three"),
    ]
    assert read_all(b"".join(sent), chunk) == [
        (frames.INVOKE, 1, b"{}\n{}", b"one"),
        (frames.INVOKE, 2, b"{}\n{}\n" + head, b"two"),
        (frames.INVOKE, 3, b"{}\n{}", b"three"),
    ]


def test_a_head_may_be_longer_than_the_limit_of_a_body():
    near, far = socket.socketpair()
    with near, far:
        near.sendall(frame(frames.HEAD, 1, b"", b"h" * 1000) + frame(frames.INVOKE, 1, b"{}\n{}", b"b" * 10))
        assert FrameReader(far, 10).read() == [(frames.INVOKE, 1, b"{}\n{}\n" + b"h" * 1000, b"b" * 10)]
        near.sendall(HEADER.pack(frames.MAX_HEAD + 1, 1, frames.HEAD, 0, 0))
        with pytest.raises(ProtocolError, match="over the limit"):
            FrameReader(far, 10).read()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (HEADER.pack(0, 1, 99, 0, 0), "unknown kind 99"),
        (HEADER.pack(0, 1, frames.INVOKE, 7, 0), "unknown flags 0x7"),
        (HEADER.pack(LIMIT + 1, 1, frames.INVOKE, 0, 0), "over the limit"),
        (frame(frames.INVOKE, 1, b"", b"body")[:-1], "ended within a frame"),
    ],
)
def test_an_invalid_frame_is_refused_with_the_reason(data, message):
    with pytest.raises(ProtocolError, match=message):
        read_all(data)


@pytest.mark.parametrize("text", [b"[1]", b"{", b"\xff", b"[" * 60_000])
def test_metadata_that_is_not_an_object_is_refused(text):
    with pytest.raises(ProtocolError):
        frames.parse_object(text, "metadata")


def test_damaged_streams_yield_frames_or_a_protocol_error_and_never_hang():
    chance = random.Random(20)
    good = b"".join(frame(frames.INVOKE, n, json.dumps({"n": n}).encode(), b"b" * n) for n in range(5))
    for _ in range(10_000):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        del data[chance.randrange(1, len(data)) :]
        try:
            for kind, _id, _metadata, body in read_all(bytes(data)):
                assert kind in frames.KINDS
                assert len(body) <= LIMIT
        except ProtocolError:
            pass


RECORDED = json.loads((pathlib.Path(__file__).parents[1] / "fixtures/frames.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("recorded", RECORDED["frames"], ids=lambda recorded: recorded["name"])
def test_recorded_frames_are_read_and_written(recorded):
    data, body = bytes.fromhex(recorded["bytes"]), bytes.fromhex(recorded["body"])
    expected = (recorded["kind"], recorded["id"], recorded["metadata"].encode(), body)
    assert read_all(data) == [expected]
    assert frame(*expected) == data


@pytest.mark.parametrize("recorded", RECORDED["refused"], ids=lambda recorded: recorded["name"])
def test_recorded_damage_is_refused(recorded):
    with pytest.raises(ProtocolError, match=recorded["message"]):
        read_all(bytes.fromhex(recorded["bytes"]))


class Interrupted(Exception):
    """An exception that a signal handler of a script raises."""


class FailingSocket:
    """A socket that accepts half of one write, and then fails."""

    def __init__(self, error):
        self.sent, self.error = b"", error

    def sendall(self, data):
        if self.error is None:
            self.sent += bytes(data)
        else:
            self.sent += bytes(data)[: len(data) // 2]
            error, self.error = self.error, None
            raise error


@pytest.mark.parametrize(
    ("error", "raised", "later"),
    [
        (BrokenPipeError(32, "Broken pipe"), Closed, Closed),
        (OSError(105, "No buffer space available"), LinkError, LinkError),
        (Interrupted(), Interrupted, LinkError),
    ],
)
def test_nothing_is_sent_after_a_frame_that_was_sent_only_in_part(error, raised, later):
    sock = FailingSocket(error)
    writer = FrameWriter(sock)
    with pytest.raises(raised):
        writer.write(b"abcdef")
    for _ in range(2):
        with pytest.raises(later):
            writer.write(b"ghi")
    assert sock.sent == b"abc"


def test_nothing_is_read_after_an_invalid_frame():
    near, far = socket.socketpair()
    with near, far:
        reader = FrameReader(far, LIMIT)
        near.sendall(HEADER.pack(0, 0, 77, 0, 0) + frame(frames.STOP, 0))
        for _ in range(2):
            with pytest.raises(ProtocolError, match="unknown kind 77"):
                reader.read()
        with pytest.raises(ProtocolError):
            reader.check()
