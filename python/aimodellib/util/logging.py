"""A logger that prints."""

from __future__ import annotations

import sys
import time

from .types import Logger


class PrintLogger(Logger):
    """Wraps ``print``: messages go to standard output, one line for each call.

    >>> PrintLogger().log("loss", 0.25)
    loss 0.25
    >>> PrintLogger().log("disk", "full", sep="-", level=Logger.ERROR)
    [ERROR] disk-full
    """

    def log(
        self,
        *msgs: object,
        sep: str = " ",
        end: str = "\n",
        level: str | None = None,
        time_fmt: str | None = None,
        flush: bool = False,
    ) -> None:
        """Print ``msgs``, after the time (if ``time_fmt`` is given) and the level (if given)."""
        prefix = "" if level is None else f"[{level}] "
        if time_fmt is not None:
            prefix = f"{time.strftime(time_fmt)} {prefix}"
        self.write(prefix + sep.join(map(str, msgs)) + end)
        if flush:
            self.flush()

    def write(self, text: str) -> None:
        """Print ``text`` unchanged, with a single write that keeps lines of several threads or processes apart."""
        # Like print(), do nothing without a standard output.
        if sys.stdout is not None:
            sys.stdout.write(text)

    def flush(self, suppress_errors: bool | None = None) -> None:
        """Flush standard output; an ``OSError`` is raised unless ``suppress_errors``."""
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except OSError:
            if not suppress_errors:
                raise
