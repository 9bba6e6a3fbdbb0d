"""Large bodies in memory that the worker shares with the supervisor."""

import mmap
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge.memory import (
    ANSWER_ROOM,
    ANSWER_SLOTS,
    GIVE_BACK_STEP,
    MIN_BODY,
    REQUEST_SLOTS,
    SHARED,
    SLOT_SIZE,
    SLOTS_START,
    Memory,
)

if not hasattr(os, "memfd_create"):
    pytest.skip("this Python can't make anonymous files", allow_module_level=True)


class Supervisor:
    """The supervisor's side: two anonymous files."""

    def __init__(self):
        self.requests = self._file(REQUEST_SLOTS * SLOT_SIZE)
        self.answers = self._file(SLOTS_START + ANSWER_SLOTS * SLOT_SIZE)
        self.map = mmap.mmap(self.answers, 0)

    def open(self):
        return Memory(*((f"/proc/self/fd/{fd}", os.fstat(fd).st_ino) for fd in (self.requests, self.answers)))

    def body(self, flags, length):
        start = SLOTS_START + (flags & ~SHARED) * SLOT_SIZE + ANSWER_ROOM
        return self.map[start : start + length]

    def release(self, flags):
        slot = flags & ~SHARED
        self.map[slot] = (self.map[slot] + 1) & 0xFF

    def close(self):
        self.map.close()
        os.close(self.requests)
        os.close(self.answers)

    @staticmethod
    def _file(length):
        fd = os.memfd_create("test")
        os.ftruncate(fd, length)
        return fd


@pytest.fixture
def supervisor():
    made = Supervisor()
    yield made
    made.close()


def test_read_returns_a_copy_of_a_request_s_body(supervisor):
    memory = supervisor.open()
    os.pwrite(supervisor.requests, b"a" * MIN_BODY, 4 * SLOT_SIZE - MIN_BODY)
    body = memory.read(SHARED | 3, MIN_BODY)
    os.pwrite(supervisor.requests, b"b" * MIN_BODY, 4 * SLOT_SIZE - MIN_BODY)
    assert type(body) is bytes
    assert body == b"a" * MIN_BODY


@pytest.mark.parametrize(("slot", "length"), [(REQUEST_SLOTS, 1), (0x7F, 1), (0, SLOT_SIZE + 1)])
def test_read_returns_none_for_a_slot_that_does_not_exist(supervisor, slot, length):
    assert supervisor.open().read(SHARED | slot, length) is None


def test_write_never_uses_a_slot_whose_body_was_not_released(supervisor):
    memory = supervisor.open()
    held = {}
    # More than 256 bodies a slot, released in another order than they were written.
    for number in range(256 * ANSWER_SLOTS * 2):
        body = number.to_bytes(4, "big") * (MIN_BODY // 4)
        flags = memory.write(body if number % 2 else memoryview(body))
        if flags:
            assert flags not in held
            held[flags] = body
        if not flags or number % 3 == 0:
            oldest = sorted(held)[number % len(held)]
            assert supervisor.body(oldest, MIN_BODY) == held.pop(oldest)
            supervisor.release(oldest)
    for flags, body in held.items():
        assert supervisor.body(flags, MIN_BODY) == body


def test_write_returns_0_without_a_free_slot_and_for_bodies_that_are_too_short_or_too_long(supervisor):
    memory = supervisor.open()
    assert memory.write(b"x" * (MIN_BODY - 1)) == 0
    assert memory.write(bytes(SLOT_SIZE - ANSWER_ROOM + 1)) == 0
    flags = [memory.write(b"x" * MIN_BODY) for _ in range(ANSWER_SLOTS)]
    assert flags == [SHARED | slot for slot in range(ANSWER_SLOTS)]
    assert memory.write(b"x" * MIN_BODY) == 0
    supervisor.release(flags[5])
    assert memory.write(b"x" * MIN_BODY) == flags[5]


def test_trim_gives_back_the_memory_of_free_slots_only(supervisor):
    memory = supervisor.open()
    first, second = memory.write(b"1" * MIN_BODY), memory.write(b"2" * MIN_BODY)
    supervisor.release(second)
    memory.trim()
    assert supervisor.body(first, MIN_BODY) == b"1" * MIN_BODY
    # One page holds the counts.
    assert os.fstat(supervisor.answers).st_blocks * 512 <= MIN_BODY + ANSWER_ROOM + 4096
    assert memory.write(b"3" * MIN_BODY) == second
    assert supervisor.body(second, MIN_BODY) == b"3" * MIN_BODY


def test_write_gives_back_what_a_much_longer_body_has_left(supervisor):
    memory = supervisor.open()
    supervisor.release(memory.write(b"1" * (SLOT_SIZE - ANSWER_ROOM)))
    assert os.fstat(supervisor.answers).st_blocks * 512 > SLOT_SIZE - ANSWER_ROOM
    flags = memory.write(b"2" * MIN_BODY)
    assert supervisor.body(flags, MIN_BODY) == b"2" * MIN_BODY
    assert os.fstat(supervisor.answers).st_blocks * 512 <= GIVE_BACK_STEP + 4096
    supervisor.release(flags)
    # A body that is not much shorter uses the same memory again.
    supervisor.release(memory.write(b"3" * (20 * MIN_BODY)))
    memory.write(b"4" * MIN_BODY)
    assert os.fstat(supervisor.answers).st_blocks * 512 >= 20 * MIN_BODY


def test_forget_keeps_the_bodies_and_takes_them_out_of_the_memory_of_this_process(supervisor):
    memory = supervisor.open()
    os.pwrite(supervisor.requests, b"a" * SLOT_SIZE, 0)
    length = SLOT_SIZE - ANSWER_ROOM
    flags = memory.write(b"b" * length)
    assert memory.read(SHARED, SLOT_SIZE) == b"a" * SLOT_SIZE
    before = resident_shared()
    memory.forget()
    assert before - resident_shared() >= SLOT_SIZE + length
    assert supervisor.body(flags, length) == b"b" * length
    assert memory.read(SHARED, SLOT_SIZE) == b"a" * SLOT_SIZE


def resident_shared():
    status = pathlib.Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssShmem:")))


def test_memory_raises_an_oserror_when_the_path_leads_to_another_file(supervisor):
    path, inode = f"/proc/self/fd/{supervisor.answers}", os.fstat(supervisor.answers).st_ino
    for requests in [(path, inode + 1), ("/proc/self/fd/99999", inode)]:
        with pytest.raises(OSError):
            Memory(requests, (path, inode))
