"""The same with BentoML: a service for each kind of work."""

import time

import bentoml


@bentoml.service(workers=1)
class Echo:
    @bentoml.api
    def predict(self, inputs: list[float]) -> dict[str, list[float]]:
        return {"outputs": [value * 2 for value in inputs]}


@bentoml.service(workers=1)
class Batch:
    @bentoml.api(batchable=True, max_batch_size=16, max_latency_ms=1000)
    def predict(self, inputs: list[list[float]]) -> list[list[float]]:
        time.sleep(0.010)
        return [[value * 2 for value in row] for row in inputs]
