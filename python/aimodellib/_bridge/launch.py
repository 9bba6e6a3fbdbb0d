"""Distributed training: PyTorch's launcher, torchrun, runs in the worker and starts each rank as a process.

Rendezvous, restarts and the handling of failed ranks are those of torchrun. The process of a rank starts in
``__main__.py`` like the worker, and calls the script's ``train`` in the same way. It has no connection with the
supervisor: its parent, the worker, reports the outcome of the run.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import math
import os
import signal
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

from . import forks, frames, streams
from .advice import advise
from .failures import message_of, type_name
from .hosts import Hosts
from .loader import ScriptError
from .rank_failures import SAME_TIME, Failure, RankFailures, has_lost_others, introduce, is_stop, note, reason_of
from .rank_output import Collector, send_output
from .scalars import RankScalars, ScalarLogger, of_rank
from .stops import Stops, die_of
from .train import Training

if TYPE_CHECKING:
    from .link import Link

#: The environment variable with the configuration of a rank, which removes it before the script runs.
RANK = "AIMODELLIB_RANK"
#: The signals that torchrun handles itself.
_TORCHRUN_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def run(link: Link, config: dict[str, Any]) -> int:
    """Start all ranks of this host, wait for them, and return the exit code of the process."""
    try:
        torchrun = _import("torch.distributed.run")
    except ImportError as error:
        message = f"torchrun comes with PyTorch, which can't be imported by '{sys.executable}': {error}"
        link.send(frames.FAILED, stage="import", type="ScriptError", message=message)
        return 1
    link.send(frames.READY)
    entry = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
    with tempfile.TemporaryDirectory(prefix="aimodellib-ranks-", dir=config["temporary"]) as folder, Collector(folder):
        about = {key: value for key, value in config.items() if key not in ("launcher", "temporary")}
        os.environ[RANK] = json.dumps({**about, "output": folder})
        # Collector shows the output of the ranks: torchrun would end a line at each carriage return.
        launch = _Launch(link, folder, torchrun)
        with RankScalars(folder, launch.send_scalars) if config.get("scalars") else contextlib.nullcontext():
            outcome = launch.run([*config["launcher"], "--log-dir", folder, entry, "rank"])
    if isinstance(outcome, signal.Signals):
        die_of(outcome)
    if outcome == 0:
        link.send(frames.DONE)
    return outcome


class _Launch:
    """A run of torchrun."""

    def __init__(self, link: Link, folder: str, torchrun: Any) -> None:
        self._link = link
        self._folder = folder
        self._torchrun = torchrun
        self._stops = Stops()
        self._has_failed = False
        #: Held while a frame is sent. A signal handler may interrupt the main thread, and send another.
        self._sending = threading.RLock()

    def send_scalars(self, body: bytes) -> None:
        """Pass on the scalars of a rank, from a thread."""
        with self._sending:
            self._link.send(frames.SCALARS, body)

    def run(self, options: list[str]) -> int | signal.Signals:
        """Run torchrun to its end; return the exit code, or the signal that stopped it."""
        errors = _import("torch.distributed.elastic.multiprocessing.errors")
        elastic = _import("torch.distributed.elastic.multiprocessing.api")
        stops = self._stops
        stops.listen()
        _take_over(elastic, stops)
        try:
            args = self._torchrun.parse_args(options)
        except SystemExit:
            return self._fail("torchrun does not take these options")  # torchrun has printed why
        failures = RankFailures(self._folder, errors, int(args.max_restarts or 0))
        with Hosts.of(args, stops, failures) as hosts:

            def say_what_is_known() -> None:
                # Report at once: torchrun may take longer to end the ranks than the supervisor waits.
                with contextlib.suppress(Exception):  # a signal handler may interrupt any part of torchrun
                    before_stop = failures.first_before(time.monotonic() if stops.at is None else stops.at)
                    known = [failure for failure in (hosts.heard, before_stop) if failure is not None]
                    if known:
                        self._fail(min(known).message)

            stops.on_stop = say_what_is_known
            try:
                try:
                    self._torchrun.run(args)
                finally:
                    stops.hold()
            except errors.ChildFailedError as error:
                rank, failure = error.get_first_failure()
                # A signal to all processes of a job may reach the ranks before this process.
                if is_stop(failure.exitcode) and stops.come_within(SAME_TIME):
                    return stops.by
                found = Failure(False, time.time(), f"Rank {rank} failed: {reason_of(failure)}")
                cause = failures.first_before(math.inf) or found
                self._fail(cause.message)
                # Another host may know that this one's ranks failed because of its own.
                return self._fail(hosts.tell(cause).message)
            except (KeyboardInterrupt, elastic.SignalException):
                if not self._has_failed:
                    return stops.by
                say_what_is_known()
                return 1
            except Exception as error:
                return self._fail(f"torchrun failed: {error}")
        return 0

    def _fail(self, message: str) -> int:
        self._has_failed = True
        with self._sending:
            self._link.send(frames.FAILED, stage="train", type="ScriptError", message=message)
        return 1


def _take_over(elastic: Any, stops: Stops) -> None:
    """Make torchrun's signal handlers act once for each stop: it sets them when it starts the ranks."""
    exception = elastic.SignalException
    if hasattr(elastic, "_terminate_process_handler"):
        elastic._terminate_process_handler = stops.handler(
            lambda number: exception(f"Process {os.getpid()} got signal: {number}", sigval=number)
        )
    handled = [number.name for number in _TORCHRUN_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    os.environ.setdefault("TORCHELASTIC_SIGNALS_TO_HANDLE", ",".join(handled))


def _import(name: str) -> Any:
    """Import a module of PyTorch dynamically, since type checkers may not find it."""
    return importlib.import_module(name)


def main() -> NoReturn:
    """Run one rank to its end."""
    config = json.loads(os.environ.pop(RANK))
    streams.prepare()
    folder = config.pop("output")
    introduce(folder)
    send_output(folder)
    forks.watch()

    def train() -> None:
        scalars = of_rank(folder) if config.get("scalars") else None
        try:
            Training(config, ScalarLogger(scalars) if scalars else None).run()
        except ScriptError as error:
            note(folder, str(error))
            streams.print_line(str(error))
            raise
        except Exception as error:
            note(folder, f"{type_name(error)}: {message_of(error)}", has_lost_others(error))
            streams.print_traceback(error)
            advice = advise(error, config)
            if advice:
                streams.print_line(advice[2:])
            raise
        finally:
            # A process that the script has forked is not the rank.
            if scalars and not forks.is_child:
                scalars.close()
            streams.flush()

    try:
        # record() also writes an exception to a file for torchrun.
        _import("torch.distributed.elastic.multiprocessing.errors").record(train)()
    except KeyboardInterrupt:
        die_of(signal.SIGINT)
    except SystemExit as error:
        if isinstance(error.code, str):
            streams.print_line(error.code)
        if error.code:
            code = error.code & 0xFF if isinstance(error.code, int) else 1
            note(folder, f"it ended with exit code {code}")
            _fail(code)
    except Exception:
        _fail(1)
    sys.exit(0)


def _fail(code: int) -> NoReturn:
    """End this process like a normal exit, but skip C++ destructors: threads of an open process group abort there."""
    atexit._run_exitfuncs()
    streams.flush()
    os._exit(code)
