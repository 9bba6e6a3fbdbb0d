"""The same with MLServer: a model for each kind of work."""

import time

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Echo(MLModel):
    async def load(self) -> bool:
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        tensor = payload.inputs[0]
        outputs = [value * 2 for value in tensor.data.root]
        return InferenceResponse(
            model_name=self.name,
            outputs=[ResponseOutput(name="outputs", shape=tensor.shape, datatype=tensor.datatype, data=outputs)],
        )


class Batch(Echo):
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        time.sleep(0.010)
        return await super().predict(payload)
