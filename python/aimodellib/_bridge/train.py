"""A training run: call the script's ``train`` and end as it ended."""

from __future__ import annotations

import atexit
import inspect
import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, Any, Callable, NoReturn

from ..util.logging import PrintLogger
from ..util.types import TrainingModule
from . import forks, frames, streams
from .advice import advise
from .demands import TRAIN
from .failures import message_of, type_name
from .loader import ScriptError, adapt, end_tasks, event_loop, find_implementation
from .names import add_to_path, load_script

if TYPE_CHECKING:
    from .worker import Link


class Training:
    """One call of a script's ``train``."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        #: What is being done, as FAILED names it.
        self.stage = "import"

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Find ``train`` in the script, and call it after ``ready``; raises what the script raises."""
        config = self._config
        args: list[str] = config["args"]
        sys.argv = [config["script"], *args]
        add_to_path(config["module"], config["script"])
        module = forks.call(load_script, config["module"], config["script"])
        self.stage = "check"
        owner = find_implementation(module, TrainingModule.demanded())
        options = {
            "tensor_board_enabled": config["tensor_board_enabled"],
            "tensor_board_dir": config["tensor_board_dir"],
            "logger": PrintLogger(),
        }
        train = adapt(owner, TRAIN[0], ("model_dir", *args), options)
        ready()
        self.stage = "train"
        try:
            result = forks.call(train, config["model_dir"], *args)
            if inspect.isawaitable(result):
                forks.call(event_loop().run_until_complete, result)
        finally:
            end_tasks()


def run(link: Link, config: dict[str, Any]) -> int:
    """Train, and return the exit code of the process.

    A signal that stops the script raises KeyboardInterrupt in it; if the script lets that pass, this process dies of
    the same signal, as a shell expects.
    """
    stopped_by = interrupt_on_signals()
    training = Training(config)
    try:
        training.run(lambda: link.send(frames.READY))
    except ScriptError as error:
        link.send(frames.FAILED, stage=training.stage, type="ScriptError", message=str(error))
        return 1
    except KeyboardInterrupt as error:
        streams.print_traceback(error)
        die_of(stopped_by[0])
    except SystemExit:
        # The script's own way to end, `-h` of argparse for one: Python gives it its exit code.
        link.send(frames.DONE)
        raise
    except BaseException as error:
        streams.print_traceback(error)
        link.send(
            frames.FAILED,
            stage=training.stage,
            type=type_name(error),
            message=message_of(error) + advise(error, config),
        )
        return 1
    link.send(frames.DONE)
    return 0


def interrupt_on_signals() -> list[signal.Signals]:
    """Have SIGINT and SIGTERM raise KeyboardInterrupt; returns a list whose only item is the last that came."""
    stopped_by = [signal.SIGINT]

    def interrupt(number: int, _frame: FrameType | None) -> None:
        stopped_by[0] = signal.Signals(number)
        raise KeyboardInterrupt

    def in_child() -> None:
        # It is the worker that turns SIGTERM into an exception; a process that it forks is ended by it.
        if signal.getsignal(signal.SIGTERM) is interrupt:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    os.register_at_fork(after_in_child=in_child)
    return stopped_by


def die_of(number: signal.Signals) -> NoReturn:
    """End this process by a signal, after what a normal exit does: exit handlers and flushed streams."""
    signal.signal(number, signal.SIG_DFL)
    atexit._run_exitfuncs()
    streams.flush()
    os.kill(os.getpid(), number)
    raise AssertionError(f"{number.name} did not end the process")
