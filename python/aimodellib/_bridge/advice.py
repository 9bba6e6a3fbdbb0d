"""Advice on how to fix an exception that a script raised.

Modules that are needed only to explain a failure are imported when one occurs.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import traceback
from typing import Any, Iterator

from .demands import SERVE
from .standard import clashes

#: pickle's messages for a class that the main program does not have, in all versions of Python.
_MAIN = (
    r"attribute '([\w.]+)' on <module '__(?:mp_)?main__'",
    r"resolve path '([\w.]+)' on module '__(?:mp_)?main__'",
    r"module '__(?:mp_)?main__' has no attribute '(\w+)'",
)

#: Python's messages for a name that a module lacks.
_LACKS = (
    r"module '([\w.]+)'.* has no attribute '",
    r"cannot import name '[^']*' from (?:[a-z ]* )?'([\w.]+)'",
    r"'([\w.]+)' is not a package",
)

#: How many causes of an exception are examined.
_MAX_CAUSES = 5

#: The longest advice that follows a request's traceback, in bytes.
_MAX_ADVICE = 4096


class _Served:
    """The configuration of a serving worker, for advice on its requests."""

    config: dict[str, Any] | None = None


served = _Served()


def advice_lines(error: BaseException) -> bytes:
    """Return advice to append to a request's traceback: UTF-8 lines after a newline each, or b"" without advice.

    It is for the log only, since it contains paths. Raises nothing.
    """
    with contextlib.suppress(BaseException):
        if served.config is not None:
            config = served.config
            advices = dict.fromkeys(text for cause in _causes(error) for text in _advices(cause, config))
            advices = advices or dict.fromkeys(_on_absent(error))
            lines = "".join(f"\n{text[0].upper()}{text[1:]}" for text in advices)
            return lines.encode("utf-8", "backslashreplace")[:_MAX_ADVICE]
    return b""


def advise(error: BaseException, config: dict[str, Any]) -> str:
    """Return advice to append to the message of ``error``, beginning with ". ", or "" without advice.

    Raises nothing: a failure here must not replace the error that is explained.
    """
    advices: dict[str, None] = {}
    with contextlib.suppress(BaseException):
        for cause in _causes(error):
            advices.update(dict.fromkeys(_advices(cause, config)))
        if isinstance(error, Exception):
            advices.update(dict.fromkeys(_on_shape(config)))
        if not advices:
            advices.update(dict.fromkeys(_on_absent(error)))
    return "".join(f". {text[0].upper()}{text[1:]}" for text in advices)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__


def _advices(error: BaseException, config: dict[str, Any]) -> Iterator[str]:
    if not isinstance(error, (ImportError, AttributeError)):
        return
    module_dir, script = str(config["module"]), str(config["script"])
    message = str(error)
    if isinstance(error, ImportError):
        if "attempted relative import" in message:
            yield from _on_relative(error, module_dir, config)
        elif isinstance(error, ModuleNotFoundError) and error.name:
            yield from _on_missing(error, error.name, module_dir, script)
    yield from _on_lack(error, message, module_dir)
    name = _name_in(message, _MAIN)
    if name:
        yield _of_main(name, script)


def _on_relative(error: BaseException, module_dir: str, config: dict[str, Any]) -> Iterator[str]:
    import ast

    from .hints import parse_file
    from .relative import relative_advice

    for file, line in _places(error, module_dir):
        tree = parse_file(file)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.ImportFrom) and node.level and node.lineno <= line <= (node.end_lineno or 0):
                above, name = os.path.split(module_dir)
                advice = relative_advice(node, os.path.relpath(file, module_dir), name)
                script = os.path.join(name, os.path.relpath(str(config["script"]), module_dir))
                yield f"'{file}', line {line}: {advice} (aimodellib {config['mode']} {above} {script})"
                return


def _on_missing(error: BaseException, name: str, module_dir: str, script: str) -> Iterator[str]:
    top = name.split(".")[0]
    if top == "_aimodellib_script":
        yield "the artifact was made by an earlier version, which gave the script this name: train again"
        return
    if top == "__mp_main__":
        yield (
            "the artifact was pickled by a child process of a main program that defined its classes: make the artifact"
            " with `aimodellib train`, or have a module define them that both import"
        )
        return
    if name.startswith("aimodellib.script."):
        yield f"the artifact was made by a script '{name.split('.', 2)[2]}', which this module does not have"
        return
    if any(os.path.exists(os.path.join(module_dir, found)) for found in (f"{top}.py", top)):
        return
    folders = dict.fromkeys(
        os.path.dirname(file) for file in [*(file for file, _ in _places(error, module_dir)), script]
    )
    for folder in folders:
        inside = os.path.relpath(folder, module_dir)
        if inside == os.curdir or inside.startswith(os.pardir):
            continue
        if os.path.exists(os.path.join(folder, f"{top}.py")) or _has_python(os.path.join(folder, top)):
            from .relative import beside_advice

            yield beside_advice(top, inside, module_dir)
            return


def _on_absent(error: BaseException) -> Iterator[str]:
    """Say which Python lacks a package, and how to give it one, where nothing else explains the error."""
    from importlib.util import find_spec

    cause: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        top = (cause.name or "").split(".")[0] if isinstance(cause, ModuleNotFoundError) else ""
        if top and find_spec(top) is None:
            yield (
                f"the Python that runs the script, '{sys.executable}', has no '{top}': add the package that provides it"
                " to the module's requirements.txt, which installs it, or choose another Python with --python"
            )
            return
        # Not its context: a script may well do without a package that it has tried to import.
        cause = cause.__cause__ if cause is not None else None


def _has_python(folder: str) -> bool:
    with contextlib.suppress(OSError):
        return any(name.endswith(".py") for name in os.listdir(folder))
    return False


def _on_lack(error: BaseException, message: str, module_dir: str) -> Iterator[str]:
    """Check whether a file of the module shadows a library, or a module of the standard library."""
    name = _name_in(message, _LACKS).split(".")[0]
    if not name or "consider renaming" in message:  # Python 3.13 says so itself
        return
    own = os.path.join(module_dir, f"{name}.py")
    known = clashes(module_dir)
    if name in known.packages | known.folders:
        yield f"the folder '{name}' of the module has the name of a module of the standard library: rename it"
    elif name in known.files:
        yield f"'{own}' has the name of a module of the standard library: rename it"
    elif name and os.path.isfile(own) and any(file == own for file, _ in _places(error, module_dir)):
        yield f"'{own}' has the name of the module '{name}' that it imports, and hides it: rename it"


def _of_main(name: str, script: str) -> str:
    top = name.split(".")[0]
    return (
        f"the artifact was pickled where {top} was defined by the main program, such as `python train.py` or a"
        f" notebook, and the main program is another one here: make the artifact with `aimodellib train`, or define or"
        f" import {top} in '{script}' and do this before the artifact is loaded:"
        f" `import __main__; __main__.{top} = {top}`"
    )


def _on_shape(config: dict[str, Any]) -> Iterator[str]:
    """Check whether the script was written for another server, whose package is not installed."""
    from .check import check, importable
    from .hints import parse_file, read_source
    from .outline import Outline
    from .peers import recognise

    script = str(config["script"])
    source, tree = read_source(script), parse_file(script)
    if config["mode"] == "serve" and source is not None and tree is not None and recognise(Outline(tree)) is not None:
        problems = check(source, script, SERVE, importable(str(config["module"]))).problems
        # A script that defines our functions was written for us.
        yield from (problem for problem in problems if "must define" in problem)


def _name_in(message: str, patterns: tuple[str, ...]) -> str:
    """Return the group of the first pattern that matches a message; "" if none does."""
    for pattern in patterns:
        found = re.search(pattern, message[:4096])
        if found:
            return found.group(1)
    return ""


def _places(error: BaseException, module_dir: str) -> list[tuple[str, int]]:
    """Return the module's files and lines in the traceback, the innermost call first."""
    root = os.path.join(module_dir, "")
    frames = traceback.extract_tb(error.__traceback__)
    return [(frame.filename, frame.lineno or 0) for frame in reversed(frames) if frame.filename.startswith(root)]
