"""Returns a tensor, by way of the GPU: the bits stay the same."""

import torch
from aimodellib.io import deserialize, serialize

__all__ = ["deserialize", "load", "predict", "serialize", "v2_metadata"]


def load(model_dir):
    return torch.zeros(1, device="cuda")


def v2_metadata(model):
    tensor = {"datatype": "FP32", "shape": [-1], "content_type": "application/x-npy"}
    return {"inputs": [{"name": "x", **tensor}], "outputs": [{"name": "y", **tensor}]}


def predict(data, model):
    on_device = torch.from_numpy(data.copy()).to(model.device)
    # As whole numbers: arithmetic would change the bits of NaN.
    return on_device.view(torch.int32).flip(0).flip(0).view(torch.float32).cpu().numpy()
