"""Hints that follow the message "it must define": names that are almost right, and what else the script may be."""

from __future__ import annotations

import ast
import difflib
import re
from typing import Iterable, Mapping

from .outline import Function, Outline
from .peers import recognise

#: The longest source, in bytes, that a worker parses for a hint.
MAX_SOURCE = 512 * 1024

#: The most names that are compared, since the time grows with their number and length.
_MAX_NAMES = 1000
_MAX_NAME = 40

#: The similarity, by difflib, above which names are almost the same: `deserialise` has 0.91, `training` 0.77.
_NEAR = 0.7

#: Suffixes that people append to the names of our functions.
_ENDINGS = re.compile(r"(_(fn|func|function|model|input|output|request|response|handler))+$")


def hint(outline: Outline, demanded: tuple[str, ...], missing: Iterable[str]) -> str:
    """Return a hint about a script that lacks functions, beginning with "; ", or "" without a hint."""
    own = [name for name in demanded if name in outline.functions and not outline.functions[name].decorator_list]
    # A script with several of our functions was written for us, whatever else it contains.
    if len(demanded) > 1 and len(own) < 2:
        likeness = recognise(outline)
        if likeness is not None:
            return f"; {likeness}"
    near = near_misses(outline.functions, demanded, missing)
    if near:
        return f"; {near}"
    for owner in outline.classes.values():
        has = [name for name in demanded if name in owner.methods]
        near = near_misses(owner.methods, demanded, [name for name in demanded if name not in has])
        if len(has) < len(demanded) and (len(has) > 1 or (has and near)):
            text = f"; its class {owner.node.name[:60]}, line {owner.node.lineno}, defines only {', '.join(has)}"
            return f"{text}; {near}" if near else text
    return ""


def hint_of_file(path: str, demanded: tuple[str, ...], missing: Iterable[str]) -> str:
    """Return a hint about the script in a file; "" if it can't be read or is very long."""
    tree = parse_file(path)
    return "" if tree is None else hint(Outline(tree), demanded, missing)


def parse_file(path: str) -> ast.Module | None:
    """Parse a source file; return None if it can't be parsed, or is longer than MAX_SOURCE."""
    source = read_source(path)
    try:
        return None if source is None else ast.parse(source, path)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def read_source(path: str) -> bytes | None:
    """Read a source file; return None if it can't be read, or is longer than MAX_SOURCE."""
    try:
        with open(path, "rb") as file:
            source = file.read(MAX_SOURCE + 1)
    except OSError:
        return None
    return source if len(source) <= MAX_SOURCE else None


def near_misses(functions: Mapping[str, Function], demanded: tuple[str, ...], missing: Iterable[str]) -> str:
    """List the functions whose names are close to a missing one, or return "" without such functions."""
    near: dict[str, str] = {}
    for name in list(functions)[:_MAX_NAMES]:
        if name not in demanded and len(name) <= _MAX_NAME:
            for meant in difflib.get_close_matches(_plain(name), demanded, 1, _NEAR):
                near.setdefault(meant, name)
    return ", ".join(
        f"line {functions[near[name]].lineno} defines {near[name]}() in place of {name}()"
        for name in missing
        if name in near
    )


def _plain(name: str) -> str:
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().strip("_")
    return _ENDINGS.sub("", snake)
