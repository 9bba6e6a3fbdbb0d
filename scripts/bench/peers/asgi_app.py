"""An ASGI application without a framework: the least Python that uvicorn can call."""

import json


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    parts = []
    more = True
    while more:
        event = await receive()
        parts.append(event.get("body", b""))
        more = event.get("more_body", False)
    body, content_type = b"".join(parts), b"application/octet-stream"
    if scope["path"] == "/echo":
        body = json.dumps({"outputs": [value * 2 for value in json.loads(body)["inputs"]]}).encode()
        content_type = b"application/json"
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
