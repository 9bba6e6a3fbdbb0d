"""A replica of the Serve deployment, which passes requests on to the executable."""

from __future__ import annotations

import asyncio
import json
from typing import Any, AsyncIterator, Sequence
from urllib.parse import quote

from ._server import Server

#: Headers about one connection (RFC 9110, section 7.6.1), and ``Expect``, which Serve answers: they are not passed on.
_HOP = frozenset(b"connection expect keep-alive proxy-connection te trailer transfer-encoding upgrade".split())
#: Headers of a response that Serve adds itself.
_SERVE = frozenset(b"date server x-request-id".split())
#: The longest line, and the most bytes, of a response's headers.
_MAX_HEADERS = 1 << 20


class Replica:
    """Starts the executable, and answers each request as the executable does."""

    def __init__(
        self,
        archive: str,
        model_dir: str | None = None,
        options: Sequence[str] = (),
        executable: str | None = None,
    ) -> None:
        """Wait until the model is loaded. Raise what :class:`Server` raises."""
        self._server = Server(archive, model_dir, options, executable)
        self._opened: Any = None

    async def __call__(self, request: Any) -> Any:
        """Pass on a Starlette request; return a response that streams the executable's."""
        import aiohttp
        import yarl
        from starlette.responses import Response, StreamingResponse

        url = yarl.URL(f"http://localhost{target_of(request.scope)}", encoded=True)
        headers = [(name.decode(), _text(value)) for name, value in request.scope["headers"] if name not in _HOP]
        has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
        try:
            answer = await self._session.request(
                request.method,
                url,
                headers=headers,
                data=request.stream() if has_body else None,
                allow_redirects=False,
            )
        except aiohttp.ClientError as error:
            # If the executable has died, this replica ends now. An answer before that would attract more requests.
            await asyncio.sleep(1)
            detail = f"The executable of this replica did not answer: {error}"
            problem = {"type": "about:blank", "title": "Bad Gateway", "status": 502, "detail": detail}
            return Response(json.dumps(problem), 502, media_type="application/problem+json")
        response = StreamingResponse(_parts(answer), answer.status)
        response.raw_headers = [
            (name.lower(), value) for name, value in answer.raw_headers if name.lower() not in _HOP | _SERVE
        ]
        return response

    async def check_health(self) -> None:
        """Raise RuntimeError if no worker is ready. Serve replaces a replica after three failures in a row."""
        async with self._session.get("http://localhost/health/ready") as answer:
            if answer.status != 200:
                raise RuntimeError(f"/health/ready answers {answer.status}: {await answer.text()}")

    def __del__(self) -> None:
        """Stop the executable. Serve calls this at the end of a replica, when its requests are answered."""
        server = getattr(self, "_server", None)
        if server is not None:
            server.stop()

    @property
    def _session(self) -> Any:
        """Connections to the executable, made in the event loop that uses them."""
        if self._opened is None:
            import aiohttp

            self._opened = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(self._server.path, limit=0),
                timeout=aiohttp.ClientTimeout(total=None),
                # The clients of this replica must not share cookies.
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
                max_line_size=_MAX_HEADERS,
                max_field_size=_MAX_HEADERS,
            )
        return self._opened


async def _parts(answer: Any) -> AsyncIterator[bytes]:
    """Yield a body as it arrives. A client that disconnects closes this generator, and with it the connection."""
    try:
        async for part in answer.content.iter_any():
            yield part
    finally:
        answer.close()


def target_of(scope: Any) -> str:
    """Return the target of a request, below the route prefix of the application."""
    prefix, raw = scope.get("root_path", ""), scope["raw_path"].decode("latin-1").split("?")[0]
    path = raw[len(quote(prefix)) :] if raw.startswith(quote(prefix)) else quote(scope["path"][len(prefix) :])
    query = scope["query_string"].decode("latin-1")
    return (path or "/") + (f"?{query}" if query else "")


def _text(value: bytes) -> str:
    """Return a header's value, which aiohttp sends as UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
