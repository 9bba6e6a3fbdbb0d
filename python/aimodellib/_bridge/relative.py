"""Finds imports of a script that can't work: out of the module directory, or of modules beside the script."""

from __future__ import annotations

import ast
from typing import Iterator

from .standard import standard_names


def relative_problems(tree: ast.Module, name: str, script: str, module: str) -> Iterator[str]:
    """Yield messages about imports at the top level of a script that can't work, whatever is installed.

    Messages call the script ``name``; ``script`` is its path from the module directory, whose own name is ``module``
    ("" if it has none). Imports in a ``try`` or under a condition are ignored.
    """
    parts = script.split("/")
    if any("." in part for part in [*parts[:-1], parts[-1][:-3]]) or parts[0].split(".")[0] in standard_names():
        # The script gets a name in the package `aimodellib.script`.
        return
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(_is_name(target, "__package__") for target in node.targets):
            return
        if isinstance(node, ast.ImportFrom) and node.level >= len(parts):
            yield f"'{name}', line {node.lineno}: {relative_advice(node, script, module)}"


def relative_advice(node: ast.ImportFrom, script: str, module: str) -> str:
    """Return why a relative import can't work in a script, and what to write instead."""
    depth = len(script.split("/")) - 1
    text = f"`{_text(node, node.level)}` can't work: the module directory is not a package"
    ways: list[str] = []
    if node.level == depth + 1:
        ways.append(f"write `{_text(node, 0)}`")
    if module:
        ways.append(f"make the folder above it the module directory, and '{module}/{script}' the script")
    return f"{text}; {', or '.join(ways)}" if ways else text


def beside_notices(
    tree: ast.Module, name: str, script: str, neighbours: frozenset[str], beside: frozenset[str]
) -> Iterator[str]:
    """Yield messages about imports of modules in the script's own folder, which is not on the path.

    ``neighbours`` are the names that ``import`` finds in the module directory, ``beside`` those in the script's own
    folder. These are no errors: an installed package may have the same name, and the script may change ``sys.path``.
    """
    wanted = beside - neighbours - standard_names()
    folder = script.rpartition("/")[0]
    if not folder or not wanted or any(_is_sys_path(node) for node in ast.walk(tree)):
        return
    for node in tree.body:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        for top in dict.fromkeys(dotted.split(".")[0] for dotted in names):
            if top in wanted:
                wanted -= {top}
                yield f"'{name}', line {node.lineno}: {beside_advice(top, folder)}"


def beside_advice(top: str, folder: str, module_dir: str = "") -> str:
    """Return what to write instead of an import of ``top``, which is beside the script in a folder of the module."""
    module = f"the module directory, '{module_dir}'" if module_dir else "the module directory"
    return (
        f"'{top}' lies beside the script, in '{folder}', but modules are looked for in {module}: write"
        f" `from . import {top}` or `from .{top} import ...`, or make '{folder}' the module directory"
    )


def _text(node: ast.ImportFrom, level: int) -> str:
    """Return the source of an import with this many leading dots."""
    names = ", ".join(alias.name + (f" as {alias.asname}" if alias.asname else "") for alias in node.names[:5])
    names += ", …" if len(node.names) > 5 else ""
    if level == 0 and node.module is None:
        return f"import {names}"
    return f"from {'.' * level}{node.module or ''} import {names}"


def _is_sys_path(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "path" and not _is_name(node.value, "os")


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
