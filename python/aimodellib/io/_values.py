"""Classes for inputs for which Python has no type: a form, a file in a form, a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Union


@dataclass(frozen=True)
class Upload:
    """A file of a form."""

    filename: str
    """The name that the client gave it; never use it as a path."""
    content_type: str
    data: bytes

    def read(self) -> Any:
        """Return the file's content, as ``deserialize`` reads its content type. Raises InputError."""
        from ._reading import deserialize

        return deserialize(self.data, self.content_type)


class Form(Dict[str, Union[str, Upload]]):
    """The fields of a form by name; a repeated name has its last value."""

    def __init__(self, pairs: list[tuple[str, str | Upload]]) -> None:
        """Take all fields, in their order."""
        super().__init__(pairs)
        self.pairs = pairs

    def all(self, name: str) -> list[str | Upload]:
        """Return all values of a name, in their order."""
        return [value for other, value in self.pairs if other == name]


@dataclass(frozen=True)
class Audio:
    """A recording."""

    samples: Any
    """Numbers from -1 to 1. With NumPy, a float32 array of shape (frames,), or (frames, channels) if there are several
    channels; without NumPy, an ``array('f')`` with the channels of each frame in turn."""
    rate: int
    """Frames per second."""
    channels: int = 1
