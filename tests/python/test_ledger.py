"""The ledger and the exchange, on real files and a real socket."""

import mmap
import os
import pathlib
import socket
import struct
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge import frames, ledger
from aimodellib._bridge.exchange import MIN_BODY, SLOT_SIZE, SLOTS, Exchange
from aimodellib._bridge.frames import FrameReader
from aimodellib._bridge.ledger import ANSWERS, Ledger

SIZE = 64 * 1024


class Bench:
    """A ledger, the files behind it, and the supervisor's end of the socket."""

    def __init__(self, folder):
        self.path, self.exchange_path = folder / "ledger", folder / "exchange"
        self.path.write_bytes(bytes(SIZE))
        self.exchange_path.touch()
        self.far, near = socket.socketpair()
        self.far.settimeout(10)
        self.ledger = Ledger(str(self.path), frames.FrameWriter(near), Exchange(str(self.exchange_path)))
        self.reader = FrameReader(self.far, 1 << 30, self.read_slot)

    def word(self, offset):
        return struct.unpack_from("<I", self.path.read_bytes(), offset)[0]

    def pending(self):
        return struct.unpack_from("<H", self.path.read_bytes(), 4)[0]

    def put(self, offset, value):
        with self.path.open("r+b") as file:
            file.seek(offset)
            file.write(struct.pack("<I", value))

    def read_slot(self, flags, length):
        with self.exchange_path.open("rb") as file:
            file.seek((SLOTS + flags - 1) * SLOT_SIZE)
            return file.read(length)

    def sent(self):
        """Whether bytes have arrived at the supervisor's end."""
        self.far.setblocking(False)
        try:
            return len(self.far.recv(1, socket.MSG_PEEK)) > 0
        except BlockingIOError:
            return False
        finally:
            self.far.settimeout(10)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_begin_records_the_request_that_is_being_executed(bench):
    for request_id in (1, 2, 2**32 - 1):
        bench.ledger.begin(request_id)
        assert bench.word(0) == request_id


def test_begin_recognizes_recalled_requests_and_executes_later_ones(bench):
    assert bench.ledger.begin(1)
    bench.put(16, 3)
    assert [bench.ledger.begin(n) for n in (2, 3, 4, 5)] == [False, False, True, True]
    assert bench.word(0) == 5
    bench.put(16, 7)
    assert [bench.ledger.begin(n) for n in (6, 8)] == [False, True]


def test_begin_recognizes_recalled_requests_when_ids_wrap_around(bench):
    assert bench.ledger.begin(2**32 - 2)
    bench.put(16, 1)
    assert [bench.ledger.begin(n) for n in (2**32 - 1, 1, 2)] == [False, False, True]
    # An old recall has no effect on later requests.
    assert bench.ledger.begin(2**31 + 5)


def test_answers_are_in_the_file_before_they_are_sent_and_gone_after(bench):
    for request_id in (1, 2, 3):
        bench.ledger.answer(frames.RESULT, request_id, b"{}", b"body")
    expected = b"".join(frames.encode(frames.RESULT, n, b"{}", 4) + b"body" for n in (1, 2, 3))
    assert bench.pending() == len(expected)
    assert bench.path.read_bytes()[ANSWERS : ANSWERS + len(expected)] == expected
    assert not bench.sent()
    bench.ledger.flush()
    assert bench.pending() == 0
    assert [frame[1] for frame in bench.reader.read()] == [1, 2, 3]


def test_flush_sends_nothing_when_no_answer_is_gathered(bench):
    bench.ledger.flush()
    assert not bench.sent()


def test_begin_sends_answers_that_have_waited_too_long(bench, monkeypatch):
    now = [1.0]
    monkeypatch.setattr(ledger.time, "monotonic", lambda: now[0])
    bench.ledger.answer(frames.RESULT, 1, b"", b"")
    now[0] += ledger.FLUSH_AFTER / 2
    bench.ledger.begin(2)
    assert not bench.sent()
    now[0] += ledger.FLUSH_AFTER
    bench.ledger.begin(3)
    assert bench.sent()


def test_answers_are_sent_when_the_ledger_is_full(bench):
    body = bytes(ledger.SMALL_ANSWER)
    for request_id in range(1, 6):
        bench.ledger.answer(frames.RESULT, request_id, b"", body)
    assert bench.sent()
    bench.ledger.flush()
    ids = []
    while len(ids) < 5:
        ids += [frame[1] for frame in bench.reader.read()]
    assert ids == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("length", [ledger.SMALL_ANSWER + 1, MIN_BODY - 1, MIN_BODY, 3_000_000])
def test_answers_of_any_length_arrive_completely(bench, kind, length):
    body = os.urandom(length)
    bench.ledger.answer(frames.RESULT, 1, b"{}", kind(body))
    bench.ledger.flush()
    assert bench.reader.read() == [(frames.RESULT, 1, b"{}", body)]


def test_large_answers_use_the_lowest_free_slot_or_else_the_socket(bench):
    def slots_of(count):
        found = []
        for request_id in range(count):
            bench.ledger.answer(frames.RESULT, request_id, b"", bytes(MIN_BODY))
            bench.ledger.flush()
            header = bench.far.recv(frames.HEADER_SIZE, socket.MSG_WAITALL)
            length, _, _, flags, _ = frames.HEADER.unpack(header)
            if not flags:
                bench.far.recv(length, socket.MSG_WAITALL)
            found.append(flags)
        return found

    assert slots_of(SLOTS + 1) == [1, 2, 3, 4, 0]
    # The supervisor has read two answers.
    bench.put(8, 2)
    assert slots_of(3) == [1, 2, 0]


def test_read_body_reads_a_slot_and_counts_it(bench):
    body = os.urandom(100_000)
    with bench.exchange_path.open("r+b") as file:
        file.seek(2 * SLOT_SIZE)
        file.write(body)
    assert bench.ledger.read_body(3, len(body)) == body
    assert bench.word(12) == 1


@pytest.mark.parametrize(("flags", "length"), [(SLOTS + 1, 1), (255, 1), (1, 1)])
def test_read_body_returns_none_for_a_missing_slot_or_one_that_holds_less(bench, flags, length):
    assert bench.ledger.read_body(flags, length) is None
    assert bench.word(12) == 0


def test_write_returns_false_when_the_disk_is_full(tmp_path):
    (tmp_path / "exchange").touch()
    exchange = Exchange(str(tmp_path / "exchange"))
    os.close(exchange._fd)
    exchange._fd = os.open("/dev/full", os.O_RDWR)
    assert exchange.write(0, b"x") is False


@pytest.mark.parametrize(("length", "writes"), [(0, 1), (20_000, 1), (ledger.MAX_JOINED, 1), (ledger.MAX_JOINED + 1, 2)])
def test_a_frame_is_sent_with_one_write_unless_its_body_is_long(tmp_path, length, writes):
    (tmp_path / "ledger").write_bytes(bytes(SIZE))
    sent = []

    class Writer:
        def write(self, data):
            sent.append(bytes(data))

    mine = Ledger(str(tmp_path / "ledger"), Writer(), None)
    mine.send(frames.PART, 7, b"{}", b"x" * length)
    assert b"".join(sent) == frames.encode(frames.PART, 7, b"{}", length) + b"x" * length
    assert len(sent) == writes


def test_gathered_parts_are_sent_together_and_before_any_other_frame(bench):
    bench.ledger.part(1, b"{}", b"a", gather=True)
    bench.ledger.part(2, b"{}", memoryview(b"b"), gather=True)
    assert not bench.sent()
    bench.ledger.flush()
    assert [(frame[1], frame[3]) for frame in bench.reader.read()] == [(1, b"a"), (2, b"b")]
    big = b"x" * (ledger.SMALL_ANSWER + 1)
    for last in (
        lambda: bench.ledger.part(2, b"{}", b"d"),
        lambda: bench.ledger.part(2, b"{}", big, gather=True),
        lambda: bench.ledger.answer(frames.RESULT, 1, b'{"parts":2}', b""),
    ):
        bench.ledger.part(1, b"{}", b"c", gather=True)
        assert not bench.sent()
        last()
        received = []
        while len(received) < 2:
            received += bench.reader.read()
        assert received[0][3] == b"c"
        assert len(received) == 2


def test_many_gathered_parts_are_sent_without_a_flush(bench):
    for _ in range(ledger.SMALL_ANSWER // 1000 + 1):
        bench.ledger.part(1, b"{}", b"x" * 1000, gather=True)
    assert bench.sent()


def test_the_end_of_a_streamed_answer_follows_its_parts_and_is_never_in_the_ledger(bench):
    bench.ledger.answer(frames.RESULT, 1, b"{}", b"gathered")
    for body in (b"a", b"b"):
        bench.ledger.part(2, b'{"content_type":"a/b"}', body)
    for kind, request_id in ((frames.RESULT, 2), (frames.RESULT, 3)):
        bench.ledger.answer(kind, request_id, b'{"parts":2}', b"")
    # The third answer has no parts, and waits for others.
    assert bench.pending() == frames.HEADER_SIZE + len(b'{"parts":2}')
    bench.ledger.part(4, b"{}", b"c")
    bench.ledger.answer(frames.ERROR, 4, b'{"reason":"exception"}', b"")
    assert bench.pending() == 0
    received = []
    while len(received) < 7:
        received += bench.reader.read()
    assert [(kind, request_id) for kind, request_id, *_ in received] == [
        (frames.RESULT, 1),
        (frames.PART, 2),
        (frames.PART, 2),
        (frames.RESULT, 2),
        (frames.RESULT, 3),
        (frames.PART, 4),
        (frames.ERROR, 4),
    ]


def test_a_word_is_never_visible_half_written(bench):
    """Two numbers all of whose bytes differ: a store in pieces would sooner or later show a third number."""
    bench.ledger.begin(0x00FF)
    child = os.fork()
    if child == 0:
        for _ in range(300_000):
            bench.ledger.begin(0x0100)
            bench.ledger.begin(0x00FF)
        os._exit(0)
    with bench.path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        view = memoryview(mapped)
        words = view.cast("I")
        seen = set()
        while os.waitpid(child, os.WNOHANG)[0] == 0:
            seen.update(words[0] for _ in range(10_000))
        words.release()
        view.release()
    assert seen <= {0x00FF, 0x0100}


@pytest.mark.parametrize("length", [10, ledger.SMALL_ANSWER])
@pytest.mark.parametrize("metadata_length", [20, SIZE // 3])
def test_pending_and_flushes_never_return_to_an_earlier_value(bench, length, metadata_length):
    """This holds even for answers of equal length, and for an answer that does not fit."""
    seen = []
    for request_id in range(1, 4):
        bench.ledger.begin(request_id)
        bench.ledger.answer(frames.RESULT, request_id, bytes(metadata_length), bytes(length))
        seen.append(bench.word(4))
        if request_id == 2:
            bench.ledger.flush()
            seen.append(bench.word(4))
    assert len(set(seen)) == len(seen)


def test_flushes_wrap_around_after_65535(bench):
    for request_id in range(1, 2**16 + 2):
        bench.ledger.answer(frames.RESULT, request_id, b"", b"")
        bench.ledger.flush()
        bench.far.recv(100)
    assert bench.word(4) == 1 << 16


@pytest.mark.parametrize("size", [21, 4096, SIZE])
@pytest.mark.parametrize("length", [0, 10, 9000, ledger.SMALL_ANSWER, MIN_BODY + 1])
@pytest.mark.parametrize("metadata_length", [20, 9000, frames.MAX_METADATA])
def test_an_answer_that_does_not_fit_is_sent_at_once(tmp_path, size, length, metadata_length):
    (tmp_path / "ledger").write_bytes(bytes(size))
    (tmp_path / "exchange").touch()
    far, near = socket.socketpair()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    made = Ledger(str(tmp_path / "ledger"), frames.FrameWriter(near), Exchange(str(tmp_path / "exchange")))
    metadata = b'{"content_type":"%s"}' % (b"b" * (metadata_length - 19))
    bodies = [bytes([65 + n]) * length for n in range(4)]
    for request_id, body in enumerate(bodies, 1):
        made.answer(frames.RESULT, request_id, metadata, body)
    made.flush()

    def read_slot(flags, length):
        with (tmp_path / "exchange").open("rb") as file:
            file.seek((SLOTS + flags - 1) * SLOT_SIZE)
            return file.read(length)

    reader = FrameReader(far, 1 << 30, read_slot)
    received = []
    while len(received) < len(bodies):
        received += reader.read()
    assert received == [(frames.RESULT, n, metadata, body) for n, body in enumerate(bodies, 1)]
    with far, near:
        pass
