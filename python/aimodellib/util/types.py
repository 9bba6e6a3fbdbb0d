"""The protocols of training and serving scripts.

A module, or an instance of a class, satisfies them by having the functions: nothing needs to be inherited.
``TrainingModule.validate(obj)`` and ``InferenceModule.validate(obj)`` tell at run time whether ``obj`` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, SupportsFloat

from .message import ExcInfo, message
from .request import Headers, Query

if TYPE_CHECKING:
    from abc import ABCMeta as _ProtocolMeta
else:
    _ProtocolMeta = type(Protocol)

__all__ = ["InferenceModule", "Logger", "Request", "TrainingModule"]


class _Validating(_ProtocolMeta):
    """Adds ``validate`` to a protocol without demanding it of implementations."""

    def validate(cls, obj: object) -> bool:
        """Tell whether ``obj`` (a module or an instance) has every function of this protocol.

        Raises nothing. Whether the functions take the right arguments is checked when a script is loaded.
        """
        return not isinstance(obj, type) and all(callable(getattr(obj, name, None)) for name in cls.demanded())

    def demanded(cls) -> tuple[str, ...]:
        """The names of the functions that this protocol demands, in the order of its source."""
        return tuple(
            name
            for base in cls.__mro__
            if base.__dict__.get("_is_protocol")
            for name, value in vars(base).items()
            if callable(value) and not name.startswith("_")
        )


class Request(Protocol):
    """The request that a serving script executes, as ``logger.request``."""

    id: str
    """The header ``X-Request-Id``, or a generated id; the answer carries it as well."""
    traceparent: str | None
    """W3C Trace Context: send this header and the next with requests that the script makes."""
    tracestate: str | None
    custom_attributes: str | None
    """The header ``X-Amzn-SageMaker-Custom-Attributes``."""

    @property
    def method(self) -> str:
        """The request's method: ``POST``."""
        ...

    @property
    def path(self) -> str:
        """The path as it was sent, without the query."""
        ...

    @property
    def query(self) -> Query:
        """The decoded parameters of the URL by name; ``query.all(name)`` returns all values of one."""
        ...

    @property
    def headers(self) -> Headers:
        """The headers by case-insensitive name; several headers of one name are joined with ``, ``."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether the client has disconnected and nobody waits for the answer.

        Long-running code should check it from time to time, and stop. A check is cheap.
        """
        ...


class Logger(Protocol):
    """Where a script sends its messages.

    ``log`` is called like ``print``. ``debug``, ``info``, ``warning``, ``error``, ``critical`` and ``exception`` are
    called like those of a logger of Python's ``logging``, and log ``msg % args``.
    """

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
        """Log ``msgs``, joined by ``sep`` and ended by ``end``.

        ``level`` is one of the names above; ``time_fmt`` is a ``strftime`` format for a leading time.
        """
        ...

    def debug(
        self,
        msg: object,
        *args: object,
        exc_info: ExcInfo = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """Log ``msg % args`` with the level DEBUG; ``stacklevel`` and ``extra`` are accepted and ignored."""
        self.log(message(msg, args, exc_info, stack_info), level=self.DEBUG)

    def info(
        self,
        msg: object,
        *args: object,
        exc_info: ExcInfo = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """Log ``msg % args`` with the level INFO."""
        self.log(message(msg, args, exc_info, stack_info), level=self.INFO)

    def warning(
        self,
        msg: object,
        *args: object,
        exc_info: ExcInfo = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """Log ``msg % args`` with the level WARNING."""
        self.log(message(msg, args, exc_info, stack_info), level=self.WARNING)

    def error(
        self,
        msg: object,
        *args: object,
        exc_info: ExcInfo = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """Log ``msg % args`` with the level ERROR; ``exc_info=True`` adds the current traceback."""
        self.log(message(msg, args, exc_info, stack_info), level=self.ERROR)

    def critical(
        self,
        msg: object,
        *args: object,
        exc_info: ExcInfo = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """Log ``msg % args`` with the level CRITICAL."""
        self.log(message(msg, args, exc_info, stack_info), level=self.CRITICAL)

    def exception(
        self,
        msg: object,
        *args: object,
        exc_info: ExcInfo = True,
        stack_info: bool = False,
        stacklevel: int = 1,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """Log ``msg % args`` with the level ERROR, and the traceback of the exception that is being handled."""
        self.log(message(msg, args, exc_info, stack_info), level=self.ERROR)

    def scalar(self, name: str, value: SupportsFloat, step: int | None = None) -> None:
        """Add a point to the curve ``name`` in the console of ``aimodellib train --console``.

        ``step`` is the place of the point on the curve; by default, the number of points before it. ``value`` may be
        NaN or infinite. Without a console, in ``serve`` and in plain Python, nothing happens.
        """
        return None

    def flush(self, suppress_errors: bool | None = None) -> None:
        """Flush the buffer; with ``suppress_errors``, a failure raises nothing."""
        ...

    @property
    def request(self) -> Request | None:
        """The current request; None in ``train``, in ``load``, and in ``predict_batch``, which has several."""
        return None


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
        """Train, and save the model in ``model_dir``.

        ``args`` are the training arguments of the command line, unchanged.
        """
        ...


class InferenceModule(Protocol, metaclass=_Validating):
    """What a serving script exposes. A request goes through the last three, in their order."""

    def load(self, model_dir: str, logger: Logger | None = None) -> Any:
        """Return the model saved in ``model_dir``; called once per process."""
        ...

    def deserialize(
        self,
        data: bytes,
        content_type: str = "application/octet-stream",
        logger: Logger | None = None,
    ) -> Any:
        """Return the input that the bytes of a request hold.

        If it raises, the client gets the exception's ``status`` or ``status_code``, or else 400.
        """
        ...

    def predict(self, data: Any, model: Any, logger: Logger | None = None) -> Any:
        """Return the prediction for ``data``, the result of ``deserialize``."""
        ...

    def serialize(self, data: Any, accepted: str = "*/*", logger: Logger | None = None) -> tuple[bytes, str] | None:
        """Return a prediction's bytes and their content type, or None if no accepted type fits (406)."""
        ...
