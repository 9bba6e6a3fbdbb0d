"""Signals that stop training: SIGINT and SIGTERM raise an exception in the worker, once for each stop.

Process managers signal every process of a job, and the supervisor passes its own signal on, so the worker gets the
signal of one stop several times. Only the first raises: the next must not interrupt a script that saves its work.

A process that the script forks has the handlers that Python would give it. SIGTERM stays blocked until they are set;
otherwise a signal that arrives just after the fork would be lost, and ``multiprocessing.Pool`` would wait forever for a
process that it has terminated.
"""

from __future__ import annotations

import _thread
import atexit
import contextlib
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, Callable, NoReturn

from . import streams

#: Signals that arrive within this time after the one that raised belong to the same stop, in seconds.
SAME_STOP = 10.0
#: How long to wait for other after-fork functions to return, in seconds.
_REST_OF_FORK = 0.005


class Stops:
    """Turns signals into exceptions. Create it in the main thread."""

    def __init__(self) -> None:
        #: The signal of the last stop.
        self.by = signal.SIGINT
        #: The time of the last stop, by ``time.monotonic()``; None if there was none.
        self.at: float | None = None
        #: Called for each stop, before it raises.
        self.on_stop: Callable[[], None] = lambda: None
        self._pid = os.getpid()
        self._main = threading.get_ident()
        self._handlers: list[Any] = []
        self._is_held = False
        #: Whether the main thread is in fork(), where Python ignores exceptions, and the signal that arrived meanwhile.
        self._is_forking = False
        self._deferred: int | None = None
        self._masks = threading.local()

    def listen(self) -> None:
        """Make SIGINT and SIGTERM raise KeyboardInterrupt, except one that this process ignored from its start."""
        handler = self.handler(lambda _: KeyboardInterrupt())
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handler)
        os.register_at_fork(
            before=self._before_fork,
            after_in_parent=self._after_fork_in_parent,
            after_in_child=self._after_fork_in_child,
        )

    def handler(self, exception: Callable[[signal.Signals], BaseException]) -> Callable[[int, FrameType | None], None]:
        """Return a signal handler that raises the result of ``exception``, once for each stop."""

        def handle(number: int, _frame: FrameType | None) -> None:
            if os.getpid() != self._pid:
                self._handle_in_child(number)
            elif self._is_forking:
                self._deferred = number
            elif self.at is None or time.monotonic() - self.at >= SAME_STOP:
                self.at, self.by = time.monotonic(), signal.Signals(number)
                if not self._is_held:
                    self.on_stop()
                    _expect_children_to_end()
                    raise exception(self.by)

        self._handlers.append(handle)
        return handle

    def hold(self) -> None:
        """From now on, only record signals: the outcome of the run is known, and is about to be reported."""
        self._is_held = True

    def release(self) -> None:
        """Make signals raise again, after ``hold``."""
        self._is_held = False

    def come_within(self, seconds: float) -> bool:
        """Wait for a stop for so many seconds, unless there was one already; return whether there was one."""
        deadline = time.monotonic() + seconds
        while self.at is None and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.at is not None

    def _before_fork(self) -> None:
        self._is_forking = threading.get_ident() == self._main
        self._masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def _after_fork_in_parent(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._masks.before)
        if threading.get_ident() != self._main:
            return
        number, self._deferred, self._is_forking = self._deferred, None, False
        if number is not None:
            # Python would print and ignore an exception that is raised here.
            _thread.start_new_thread(self._send_later, (number,))

    def _send_later(self, number: int) -> None:
        while self._is_in_fork():
            time.sleep(_REST_OF_FORK)
        time.sleep(_REST_OF_FORK)
        os.kill(self._pid, number)

    def _is_in_fork(self) -> bool:
        frame = sys._current_frames().get(self._main)
        return frame is not None and frame.f_code is Stops._after_fork_in_parent.__code__

    def _after_fork_in_child(self) -> None:
        try:
            for number, default in ((signal.SIGTERM, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
                # Keep a handler that the script has set.
                if signal.getsignal(number) in self._handlers:
                    signal.signal(number, default)
        finally:
            self._is_forking = False
            signal.pthread_sigmask(signal.SIG_SETMASK, self._masks.before)

    def _handle_in_child(self, number: int) -> None:
        """Act like Python's own handler, in a child process in which the script has set ours again."""
        if number != signal.SIGINT:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif not self._is_forking:
            raise KeyboardInterrupt


def _expect_children_to_end() -> None:
    """Keep the handler of SIGCHLD from raising: PyTorch's raises when the stop has ended a data loader as well."""
    handler = signal.getsignal(signal.SIGCHLD)
    if not callable(handler):
        return

    def handle(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(Exception):
            handler(number, frame)

    signal.signal(signal.SIGCHLD, handle)


def without_handler(error: BaseException) -> BaseException:
    """Remove the frame of the signal handler from the traceback of the exception that it raised; return that."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        if at.tb_next.tb_next is None and at.tb_next.tb_frame.f_code.co_filename == __file__:
            at.tb_next = None
        at = at.tb_next
    return error


def die_of(number: signal.Signals) -> NoReturn:
    """End this process by a signal, after running exit handlers and flushing streams like a normal exit."""
    with contextlib.suppress(BaseException):  # Python has printed the exception
        atexit._run_exitfuncs()
    streams.flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    raise AssertionError(f"{number.name} did not end the process")
