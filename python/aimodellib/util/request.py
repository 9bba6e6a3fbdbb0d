"""A request's headers and query for a script, as dictionaries of text."""

from __future__ import annotations

from typing import Any, Dict

__all__ = ["Headers", "Query"]


class Headers(Dict[str, str]):
    """Headers by case-insensitive name; several headers of one name are joined with ``, ``, as HTTP specifies."""

    def __getitem__(self, name: str) -> str:
        """Return a header's value. Raises KeyError if it is missing."""
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        """Tell whether the request has this header."""
        return super().__contains__(name.lower() if isinstance(name, str) else name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a header's value, or ``default`` if it is missing."""
        return super().get(name.lower(), default)


class Query(Dict[str, str]):
    """Decoded parameters by name; a repeated name has its last value."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        """Take all parameters, in their order."""
        super().__init__(pairs)
        self.pairs = pairs

    def all(self, name: str) -> list[str]:
        """Return all values of a name, in their order."""
        return [value for other, value in self.pairs if other == name]
