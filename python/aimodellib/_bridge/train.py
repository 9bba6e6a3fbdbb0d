"""A training run: calls the script's ``train``, and ends as it ended."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Callable

from ..util.logging import PrintLogger
from ..util.types import TrainingModule
from . import forks, frames, streams
from .advice import advise
from .demands import TRAIN
from .failures import message_of, traceback_of, type_name
from .loader import ScriptError, adapt, end_tasks, event_loop, find_implementation, refuse_generator
from .names import add_to_path, load_script
from .scalars import ScalarLogger, Scalars
from .stops import Stops, die_of, without_handler

if TYPE_CHECKING:
    from .link import Link


class Training:
    """One call of a script's ``train``."""

    def __init__(self, config: dict[str, Any], logger: PrintLogger | None = None) -> None:
        self._config = config
        self._logger = logger
        #: The stage for a FAILED frame: ``import``, ``check`` or ``train``.
        self.stage = "import"

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Import the script, call ``ready``, then the script's ``train``. Raises what the script raises."""
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
            "logger": self._logger or PrintLogger(),
        }
        train = adapt(owner, TRAIN[0], ("model_dir", *args), options)
        refuse_generator(owner.train)
        ready()
        self.stage = "train"
        try:
            result = forks.call(train, config["model_dir"], *args)
            if result is not None and _is_awaitable(result):
                forks.call(event_loop().run_until_complete, result)
        finally:
            end_tasks()


def _is_awaitable(result: object) -> bool:
    from inspect import isawaitable

    return isawaitable(result)


def run(link: Link, config: dict[str, Any]) -> int:
    """Train, and return the exit code of the process.

    A signal to stop raises KeyboardInterrupt in the script. If the script does not catch it, this process dies of the
    same signal, as a shell expects.
    """
    stops = Stops()
    stops.listen()
    # Without a console, nobody would see the scalars.
    scalars = Scalars(lambda body: link.send(frames.SCALARS, body)) if config.get("scalars") else None
    training = Training(config, ScalarLogger(scalars) if scalars else None)

    def say(kind: int, **metadata: Any) -> None:
        link.send(kind, **metadata)
        stops.release()

    try:
        try:
            training.run(lambda: link.send(frames.READY))
        finally:
            stops.hold()
            # A process that the script has forked has no connection.
            if scalars and not forks.is_child:
                scalars.close()
    except ScriptError as error:
        say(frames.FAILED, stage=training.stage, type="ScriptError", message=str(error))
        return 1
    except KeyboardInterrupt as error:
        streams.print_traceback(without_handler(error))
        stops.release()
        die_of(stops.by)
    except SystemExit:
        # The script has ended itself, such as for `-h` of argparse: Python exits with its code.
        say(frames.DONE)
        raise
    except BaseException as error:
        text, message = traceback_of(error), message_of(error) + advise(error, config)
        # str() of an exception runs code of the script, which may have forked.
        if forks.is_child:
            forks.leave()
        streams.print_text(text)
        say(frames.FAILED, stage=training.stage, type=type_name(error), message=message)
        return 1
    say(frames.DONE)
    return 0
