"""FastAPI in its fastest form, the model on the event loop; work that blocks is in its pool of threads."""

import json
import time

from fastapi import FastAPI, Request, Response

app = FastAPI()


@app.post("/echo")
async def echo(request: Request) -> Response:
    inputs = json.loads(await request.body())["inputs"]
    return Response(json.dumps({"outputs": [value * 2 for value in inputs]}), media_type="application/json")


@app.post("/bytes")
async def same(request: Request) -> Response:
    return Response(await request.body(), media_type="application/octet-stream")


@app.post("/batch")
def batch(body: dict) -> dict:
    time.sleep(0.010)  # of each alone: FastAPI has no batches
    return {"outputs": [value * 2 for value in body["inputs"]]}
