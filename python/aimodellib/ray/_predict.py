"""Predictions for the rows of a Ray data set."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import mimetypes
import threading
import time
from typing import Any, Sequence

from ._server import Server, UnixConnection, words_of

#: The columns that Ray's readers of files and texts make, in the order in which they are looked for.
_COLUMNS = ("bytes", "text")


class Predict:
    """A callable class for ``Dataset.map_batches``. Each actor runs the executable, and asks it for each row.

    It adds the columns ``status``, the HTTP status, and ``output``, the body of the response: with a status of 400 and
    above, a problem in JSON. ``column`` names the input: bytes, a string, or a value that is sent as JSON. By default,
    it is ``bytes`` or ``text``, as Ray's readers name it, or else the whole row as a JSON object. ``content_type`` is
    by default that of the value, or of the file whose name is in the column ``path``. ``concurrency`` requests are
    sent at a time.
    """

    def __init__(
        self,
        archive: str,
        model_dir: str | None = None,
        *,
        options: str | Sequence[str] | None = None,
        executable: str | None = None,
        column: str | None = None,
        content_type: str | None = None,
        accept: str = "*/*",
        concurrency: int = 8,
    ) -> None:
        """Wait until the model is loaded. Raises what :class:`Server` raises."""
        self._column, self._content_type, self._accept = column, content_type, accept
        self._server = Server(archive, model_dir, words_of(options), executable)
        self._threads = concurrent.futures.ThreadPoolExecutor(concurrency)
        self._local = threading.local()

    def __call__(self, batch: Any) -> Any:
        """Return a batch with two more columns. It is a dictionary of NumPy arrays, or a DataFrame of pandas.

        Raises KeyError if a column is missing.
        """
        import numpy

        names = list(batch)
        column = self._column or next((name for name in _COLUMNS if name in names), None)
        if column is not None and column not in names:
            raise KeyError(f"There is no column {column!r}; there are {', '.join(map(repr, names))}")
        if column is None:
            values: Any = [dict(zip(names, row)) for row in zip(*(batch[name] for name in names))]
        else:
            values = batch[column]
        paths = batch["path"] if "path" in names else [""] * len(values)
        answers = list(self._threads.map(self._ask, values, paths))
        result = batch.copy()
        result["status"] = numpy.array([status for status, _ in answers], dtype="int64")
        # An array of bytes would lose zeros at the end.
        result["output"] = numpy.array([body for _, body in answers], dtype=object)
        return result

    def __del__(self) -> None:
        """Stop the executable."""
        server = getattr(self, "_server", None)
        if server is not None:
            server.stop()

    def _ask(self, value: Any, path: str) -> tuple[int, bytes]:
        body, content_type = _encode(value, path)
        content_type = self._content_type or content_type
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = UnixConnection(self._server.path)
        try:
            connection.request("POST", "/invocations", body, {"Content-Type": content_type, "Accept": self._accept})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            # If the executable has died, this actor ends now, and Ray repeats the batch in another one.
            time.sleep(1)
            raise


def _encode(value: Any, path: str) -> tuple[bytes, str]:
    """Return the body of a request, and its content type."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value), mimetypes.guess_type(path)[0] or "application/octet-stream"
    if isinstance(value, str):
        return value.encode(), "text/plain; charset=utf-8"
    return json.dumps(value, default=lambda value: value.tolist()).encode(), "application/json"
