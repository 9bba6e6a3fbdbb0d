"""Ready ``deserialize`` and ``serialize`` for serving scripts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aimodellib.utils import Logger

__all__ = [
    "Audio",
    "Form",
    "InputError",
    "Limits",
    "TooLargeError",
    "UnsupportedTypeError",
    "Upload",
    "deserialize",
    "each_instance",
    "limits",
    "serialize",
]

def deserialize(data: bytes, content_type: str = "application/octet-stream", logger: Logger | None = None) -> Any:
    """Return what a body holds, as its content type says. Raises InputError, which is answered 400, 413 or 415."""

def serialize(data: Any, accepted: str = "*/*", logger: Logger | None = None) -> tuple[bytes, str] | None:
    """Return a result's bytes and their content type, in the form that the client prefers; None is answered 406."""

_Predict = TypeVar("_Predict", bound=Callable[..., Any])

def each_instance(predict: _Predict) -> _Predict:
    """Make a ``predict`` of one instance answer ``{"instances": [...]}`` with ``{"predictions": [...]}`` as well."""

class InputError(ValueError):
    """The request is wrong: raised by any function of a script, it is answered 400 with its message."""

    status: int

class TooLargeError(InputError):
    """The body holds more than ``limits`` allows (413)."""

class UnsupportedTypeError(InputError):
    """No reader for the content type (415)."""

    headers: dict[str, str]
    def __init__(self, message: str, accepted: tuple[str, ...] = ()) -> None: ...

@dataclass
class Limits:
    """How much a small body may become in memory; ``load`` may set other limits."""

    unpacked: int = ...
    """Bytes of an ``.npz``, a Parquet file or Arrow data after decompression."""
    pixels: int = ...
    """Pixels of an image: its width times its height."""
    parts: int = ...
    """Fields of a form, or arrays of an ``.npz``."""
    rows: int = ...
    """Lines of a CSV body without pandas."""

limits: Limits

@dataclass(frozen=True)
class Upload:
    """A file of a form."""

    filename: str
    content_type: str
    data: bytes
    def read(self) -> Any:
        """Return what the file holds, as ``deserialize`` reads its content type. Raises InputError."""

class Form(dict[str, str | Upload]):
    """The fields of a form by name; of those of one name, the last."""

    pairs: list[tuple[str, str | Upload]]
    def __init__(self, pairs: list[tuple[str, str | Upload]]) -> None: ...
    def all(self, name: str) -> list[str | Upload]:
        """Return all values of a name, in their order."""

@dataclass(frozen=True)
class Audio:
    """A recording."""

    samples: Any
    """Numbers from -1 to 1: a float32 array of shape (frames,) or (frames, channels), or an ``array('f')``."""
    rate: int
    """Frames per second."""
    channels: int = ...
