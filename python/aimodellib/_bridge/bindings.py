"""The names that a script binds at its top level, found without running it."""

from __future__ import annotations

import ast
import builtins

from .outline import Function, is_main

#: A use of one of these may define anything.
MAGIC = {"exec", "eval", "globals", "vars", "setattr", "__import__"}


class Bindings:
    """The names that a module binds, each with the parts of the source that bind it."""

    def __init__(self, tree: ast.Module) -> None:
        #: For each name, its definitions, imports and values, in the order of the source.
        self.bound: dict[str, list[ast.AST]] = {}
        #: The module that each imported name comes from, and whether the name is that module itself.
        self.imported: dict[str, tuple[str, bool]] = {}
        #: Whether the module may bind names that are not listed here.
        self.is_magic = False
        self._known: dict[ast.ClassDef, dict[str, Function] | None] = {}
        self._bind_all(tree.body)
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id in MAGIC:
                self.is_magic = True
            elif isinstance(node, ast.Global):
                for name in node.names:
                    self._bind(name, node)

    def methods(self, node: ast.ClassDef) -> dict[str, Function] | None:
        """Return the methods of a class and its bases; None if some can't be known."""
        if node not in self._known:
            # This ends the recursion for a class that inherits from itself through others.
            self._known[node] = None
            self._known[node] = self._read_methods(node)
        return self._known[node]

    def _read_methods(self, node: ast.ClassDef) -> dict[str, Function] | None:
        methods: dict[str, Function] = {}
        if node.keywords or node.decorator_list:
            return None
        for base in reversed(node.bases):
            if not isinstance(base, ast.Name):
                return None
            nodes = self.bound.get(base.id, [])
            if not nodes and hasattr(builtins, base.id):
                continue
            if len(nodes) != 1 or not isinstance(nodes[0], ast.ClassDef):
                return None
            inherited = self.methods(nodes[0])
            if inherited is None:
                return None
            methods.update(inherited)
        for statement in node.body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if statement.name == "__getattr__":
                    return None
                methods[statement.name] = statement
            elif not isinstance(statement, (ast.Expr, ast.Pass, ast.AnnAssign)):
                return None
        return methods

    def _bind_all(self, body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self._bind(node.name, node)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                self._bind_import(node)
            elif isinstance(node, ast.If) and is_main(node.test):
                self._bind_all(node.orelse)
            else:
                self._bind_targets(node)
                for field in ("body", "orelse", "finalbody"):
                    self._bind_all(getattr(node, field, []))
                for part in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
                    self._bind_all(part.body)

    def _bind_import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                self.is_magic = True
                continue
            if isinstance(node, ast.Import):
                name, origin = alias.asname or alias.name.split(".")[0], alias.name
            else:
                name, origin = alias.asname or alias.name, "." * node.level + (node.module or "")
            self.imported[name] = (origin, isinstance(node, ast.Import))
            self._bind(name, node)

    def _bind_targets(self, node: ast.stmt) -> None:
        """Bind the targets of an assignment; keep the value of a plain ``name = value``."""
        if isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets):
            for target in node.targets:
                self._bind(target.id, node.value)  # type: ignore[attr-defined]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if node.value is not None:
                self._bind(node.target.id, node.value)
        elif not isinstance(node, ast.Delete):
            compound = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.AsyncFor, ast.AsyncWith)
            roots: list[ast.AST] = [node]
            if isinstance(node, compound):
                roots = [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]
            for root in roots:
                for inner in ast.walk(root):
                    if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                        self._bind(inner.id, inner)

    def _bind(self, name: str, node: ast.AST) -> None:
        self.bound.setdefault(name, []).append(node)
