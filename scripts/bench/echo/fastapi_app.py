"""The same as serve.py with FastAPI."""

from fastapi import FastAPI, Request, Response

app = FastAPI()


@app.post("/invocations")
async def invocations(request: Request) -> Response:
    return Response(await request.body(), media_type="application/octet-stream")
