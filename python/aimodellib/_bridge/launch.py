"""Distributed training: PyTorch's launcher runs in the worker, and starts each rank as a process of its own.

The launcher's own ways are used: its rendezvous, its restarts, its handling of a rank that fails. A rank's process
begins in ``__main__.py`` as the worker's did, and calls the script's ``train`` in the same way, but has no connection
with the supervisor: its parent, the worker, says how the run went.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import signal
import sys
import tempfile
from typing import TYPE_CHECKING, Any, NoReturn

from . import forks, frames, streams
from .advice import advise
from .hosts import Hosts
from .loader import ScriptError
from .rank_output import Collector, send_output
from .train import Training, die_of, interrupt_on_signals

if TYPE_CHECKING:
    from .worker import Link

#: What a rank is to do, for its process alone: taken out of the environment that the script sees.
RANK = "AIMODELLIB_RANK"


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
    with tempfile.TemporaryDirectory(prefix="aimodellib-ranks-") as folder, Collector(folder):
        about = {key: value for key, value in config.items() if key != "launcher"}
        os.environ[RANK] = json.dumps({**about, "output": folder})
        # Torchrun's own way to show what ranks print ends a line at each carriage return.
        failure = _launch(torchrun, [*config["launcher"], "--log-dir", folder, entry, "rank"])
    if isinstance(failure, signal.Signals):
        die_of(failure)
    if failure is not None:
        link.send(frames.FAILED, stage="train", type="ScriptError", message=failure)
        return 1
    link.send(frames.DONE)
    return 0


def _launch(torchrun: Any, options: list[str]) -> str | signal.Signals | None:
    """Run torchrun to its end; returns what it failed of, or the signal that ended it."""
    errors = _import("torch.distributed.elastic.multiprocessing.errors")
    elastic = _import("torch.distributed.elastic.multiprocessing.api")
    stopped_by = interrupt_on_signals()
    try:
        args = torchrun.parse_args(options)
    except SystemExit:
        return "torchrun does not take these options"  # its own words are above
    with Hosts.of(args) as hosts:
        try:
            torchrun.run(args)
        except errors.ChildFailedError as error:
            rank, failure = error.get_first_failure()
            message = f"Rank {rank} failed: {_reason(failure)}"
            hosts.tell(message)
            return message
        except (KeyboardInterrupt, elastic.SignalException) as error:
            # Torchrun takes signals over once it has started ranks.
            return hosts.heard or signal.Signals(getattr(error, "sigval", stopped_by[0]))
        except Exception as error:
            return f"torchrun failed: {error}"
    return None


def _import(name: str) -> Any:
    """Import a module of PyTorch, which need not be there when types are checked."""
    return importlib.import_module(name)


def _reason(failure: Any) -> str:
    """What a rank died of: its exception, its exit code or a signal."""
    # Only a rank that raised an exception has left a file that says so.
    data = failure.error_file_data.get("message")
    message = str(data.get("message", "") if isinstance(data, dict) else failure.message).strip()
    if data not in (None, "<NONE>") and message:
        first = message.splitlines()[0]
        # Such a message is whole without its class.
        return first[len("ScriptError: ") :] if first.startswith("ScriptError: ") else first
    if failure.exitcode < 0:
        return f"it was ended by {signal.Signals(-failure.exitcode).name}"
    return f"it ended with exit code {failure.exitcode}"


def main() -> NoReturn:
    """Run one rank to its end."""
    config = json.loads(os.environ.pop(RANK))
    streams.prepare(merge=False)
    send_output(config.pop("output"))
    forks.watch()

    def train() -> None:
        try:
            Training(config).run()
        except ScriptError as error:
            streams.print_line(str(error))
            raise
        except Exception as error:
            streams.print_traceback(error)
            advice = advise(error, config)
            if advice:
                streams.print_line(advice[2:])
            raise
        finally:
            streams.flush()

    try:
        # What it raises goes to a file for the launcher, too.
        _import("torch.distributed.elastic.multiprocessing.errors").record(train)()
    except KeyboardInterrupt:
        die_of(signal.SIGINT)
    except SystemExit as error:
        if isinstance(error.code, str):
            streams.print_line(error.code)
        if error.code:
            _fail(error.code if isinstance(error.code, int) else 1)
    except Exception:
        _fail(1)
    sys.exit(0)


def _fail(code: int) -> NoReturn:
    """End after what a normal exit does, but for C++: threads of a process group that was not left abort there."""
    atexit._run_exitfuncs()
    streams.flush()
    os._exit(code & 0xFF)
