"""The protocols of training and serving scripts."""

from abc import ABCMeta
from collections.abc import Mapping
from types import TracebackType
from typing import Any, ClassVar, Protocol, SupportsFloat

__all__ = ["InferenceModule", "Logger", "Request", "TrainingModule"]

class Headers(dict[str, str]):
    """Headers by name, in any case."""

    def get(self, name: str, default: Any = None) -> Any:
        """Return a header's value, or ``default`` if there is none."""

class Query(dict[str, str]):
    """Parameters by name, decoded; of those of one name, the last."""

    pairs: list[tuple[str, str]]
    def __init__(self, pairs: list[tuple[str, str]]) -> None: ...
    def all(self, name: str) -> list[str]:
        """Return all values of a name, in their order."""

class Request(Protocol):
    """What is known of the request that a serving script executes."""

    id: str
    """The header ``X-Request-Id``, or an id that was made."""
    traceparent: str | None
    tracestate: str | None
    custom_attributes: str | None
    """The header ``X-Amzn-SageMaker-Custom-Attributes``."""
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query(self) -> Query: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def cancelled(self) -> bool:
        """Whether the client has disconnected."""

_ExcInfo = (
    bool
    | BaseException
    | tuple[type[BaseException], BaseException, TracebackType | None]
    | tuple[None, None, None]
    | None
)

class Logger(Protocol):
    """Where a script sends its messages."""

    CRITICAL: ClassVar[str] = "CRITICAL"
    ERROR: ClassVar[str] = "ERROR"
    INFO: ClassVar[str] = "INFO"
    WARNING: ClassVar[str] = "WARNING"
    DEBUG: ClassVar[str] = "DEBUG"
    def log(
        self,
        *msgs: object,
        sep: str = " ",
        end: str = "\n",
        level: str | None = None,
        time_fmt: str | None = None,
        flush: bool = False,
    ) -> None:
        """Log ``msgs`` as ``print`` shows them; ``level`` is one of the names above."""
    def debug(
        self,
        msg: object,
        *args: object,
        exc_info: _ExcInfo = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """Log ``msg % args`` with the level DEBUG."""
    def info(
        self,
        msg: object,
        *args: object,
        exc_info: _ExcInfo = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """Log ``msg % args`` with the level INFO."""
    def warning(
        self,
        msg: object,
        *args: object,
        exc_info: _ExcInfo = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """Log ``msg % args`` with the level WARNING."""
    def error(
        self,
        msg: object,
        *args: object,
        exc_info: _ExcInfo = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """Log ``msg % args`` with the level ERROR."""
    def critical(
        self,
        msg: object,
        *args: object,
        exc_info: _ExcInfo = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """Log ``msg % args`` with the level CRITICAL."""
    def exception(
        self,
        msg: object,
        *args: object,
        exc_info: _ExcInfo = True,
        stack_info: bool = False,
        stacklevel: int = 1,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """Log ``msg % args`` with the level ERROR, and the traceback of the exception that is being handled."""
    def scalar(self, name: str, value: SupportsFloat, step: int | None = None) -> None:
        """Add a point to the curve ``name`` in the console of ``aimodellib train --console``."""
    def flush(self, suppress_errors: bool | None = None) -> None:
        """Send on what is buffered."""
    @property
    def request(self) -> Request | None:
        """The request that is executed; None in ``train``, ``load`` and ``predict_batch``."""

class _Validating(ABCMeta):
    def validate(cls, obj: object) -> bool:
        """Tell whether ``obj`` has the functions of this protocol."""
    def demanded(cls) -> tuple[str, ...]:
        """The names of the functions that this protocol demands."""

class TrainingModule(Protocol, metaclass=_Validating):
    """What a training script exposes."""

    def train(
        self,
        model_dir: str,
        *args: str,
        tensor_board_enabled: bool = False,
        tensor_board_dir: str = "logs",
        logger: Logger | None = None,
    ) -> None:
        """Train, and save what is to be kept in ``model_dir``."""

class InferenceModule(Protocol, metaclass=_Validating):
    """What a serving script exposes."""

    def load(self, model_dir: str, logger: Logger | None = None) -> Any:
        """Return the model saved in ``model_dir``; called once a process."""
    def deserialize(
        self, data: bytes, content_type: str = "application/octet-stream", logger: Logger | None = None
    ) -> Any:
        """Return the input that the bytes of a request hold."""
    def predict(self, data: Any, model: Any, logger: Logger | None = None) -> Any:
        """Return the prediction for ``data``."""
    def serialize(self, data: Any, accepted: str = "*/*", logger: Logger | None = None) -> tuple[bytes, str] | None:
        """Return a prediction's bytes and their content type, or None if no accepted type fits (406)."""
