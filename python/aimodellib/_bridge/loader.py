"""Finds in a script what a protocol demands, and adapts it to how it is called."""

from __future__ import annotations

import contextlib
import functools
import inspect
import threading
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable

from . import streams
from .demands import Demand, fit

if TYPE_CHECKING:
    import asyncio


class ScriptError(Exception):
    """A script lacks what the protocol demands, or has it in a shape that can't be called. The message says where."""


def find_implementation(module: ModuleType, demanded: tuple[str, ...]) -> Any:
    """Return what has the ``demanded`` functions: the module, or the one instance in it that has them all.

    Raises ScriptError, which names what is missing and where it was looked for.
    """
    missing = [name for name in demanded if not callable(getattr(module, name, None))]
    if not missing:
        return module
    instances: list[Any] = []
    classes: list[type] = []
    for value in vars(module).values():
        if isinstance(value, ModuleType):
            continue
        if all(callable(getattr(value, name, None)) for name in demanded):
            if not isinstance(value, type):
                if not any(value is other for other in instances):
                    instances.append(value)
            elif value.__module__ == module.__name__:
                classes.append(value)
    if len(instances) == 1:
        return instances[0]
    names = ", ".join(f"{name}()" for name in missing)
    message = f"'{module.__file__}' must define {names}"
    if len(instances) > 1:
        message += f"; {len(instances)} of its objects do, and there must be only one"
    elif classes:
        message += (
            f"; its class {classes[0].__name__} does: make an instance of it in the script"
            f" (model = {classes[0].__name__}())"
        )
    else:
        found = [name for name in demanded if name not in missing]
        message += f"; it defines only {', '.join(found)}" if found else ""
        taken = [name for name in missing if hasattr(module, name)]
        message += f"; its {taken[0]} is not a function" if taken else ""
        if not taken and module.__file__:
            # What is wrong is known; a file of the module may hide what is needed to say more.
            with contextlib.suppress(Exception):
                from .hints import hint_of_file

                message += hint_of_file(module.__file__, demanded, missing)
    raise ScriptError(message)


def adapt(
    owner: Any, demand: Demand, passed: tuple[str, ...], optional: dict[str, Any], *, to_end: bool = True
) -> Callable[..., Any]:
    """Return a function that calls the one that ``demand`` names with as many positional arguments as ``passed`` names.

    An argument of ``optional`` is handed over, as a keyword, only if the script's function takes it. A coroutine
    function is run to its end, unless ``to_end`` is False.
    Raises ScriptError if the function can't be called so.
    """
    function: Callable[..., Any] = getattr(owner, demand.name)
    try:
        signature: inspect.Signature | None = inspect.signature(function)
    except (TypeError, ValueError):
        signature = None
    # Of a function of C that does not say what it takes, only what all must take can be expected.
    by_name: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    if signature is not None:
        found = fit(signature, passed, optional)
        if found is None:
            more = len(passed) - len(demand.passed)
            count = f", with {more} training argument{'s' if more > 1 else ''}" if more else ""
            raise ScriptError(f"{_place(function)}: {demand.name}{signature} must be callable as {demand.usage}{count}")
        by_name, keywords = found
    call = _plain(function, by_name, {name: optional[name] for name in keywords})
    return _awaited(call) if to_end and is_async(function) else call


def is_async(function: Callable[..., Any]) -> bool:
    """Tell whether a function is to be awaited: a coroutine function, or an object whose ``__call__`` is one."""
    return _is(inspect.iscoroutinefunction, function)


def streams_async(function: Callable[..., Any]) -> bool:
    """Tell whether a function is an async generator's, or an object whose ``__call__`` is."""
    return _is(inspect.isasyncgenfunction, function)


def _is(kind: Callable[[Any], bool], function: Callable[..., Any]) -> bool:
    return kind(inspect.unwrap(function)) or kind(getattr(function, "__call__", None))  # noqa: B004


def _plain(function: Callable[..., Any], by_name: tuple[str, ...], keywords: dict[str, Any]) -> Callable[..., Any]:
    if by_name:
        return lambda first, last: function(first, **{by_name[0]: last}, **keywords)
    if keywords:
        return lambda *args: function(*args, **keywords)
    return function


def _awaited(call: Callable[..., Any]) -> Callable[..., Any]:
    loop = event_loop()

    def run(*args: Any) -> Any:
        # Several threads may come here, and a loop runs in one of them at a time.
        with _running:
            return loop.run_until_complete(call(*args))

    return run


#: Held while the event loop runs to the end of a coroutine.
_running = threading.Lock()


@functools.lru_cache(maxsize=None)
def event_loop() -> asyncio.AbstractEventLoop:
    """Return the worker's one event loop: what a script opens on it in load() still works in predict()."""
    import asyncio

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


def end_tasks() -> None:
    """Cancel what still runs on the event loop, and wait for it: its ``finally`` blocks are to be executed.

    Raises nothing but KeyboardInterrupt: what the script ended of is known already, and not to be hidden.
    """
    if not event_loop.cache_info().currsize:
        return
    import asyncio

    loop = event_loop()
    try:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        streams.print_traceback(error)


def _place(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"'{code.co_filename}', line {code.co_firstlineno}" if code else repr(function)
