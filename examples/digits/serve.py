"""Read handwritten digits: JSON or CSV in, JSON or CSV out, as the request's Content-Type and Accept say.

Clients of the Open Inference Protocol send and get tensors, which ``v2_metadata`` describes.
"""

from __future__ import annotations

import csv
import json
import os
import reprlib
from typing import TYPE_CHECKING, Sequence, TypedDict

import accept  # neighbours of this script: the module directory is on sys.path
import network

if TYPE_CHECKING:
    from aimodellib.utils import Logger


#: JSON with a list for each column, not an object for each image: what becomes tensors of the Open Inference Protocol.
COLUMNS = "application/x-columns+json"


class Prediction(TypedDict):
    digit: int
    probability: float
    probabilities: list[float]


def load(model_dir: str, logger: Logger | None = None) -> network.Network:
    """Load ``model.json``, which ``train.py`` wrote."""
    path = os.path.join(model_dir, "model.json")
    if not os.path.exists(path):
        raise FileNotFoundError(f"No model.json in {model_dir!r}: train first, into that directory")
    with open(path, encoding="utf-8") as file:
        model = network.Network(**json.load(file))
    if logger is not None:
        logger.log(f"Loaded a network of {len(model.hidden)} hidden units from {path}")
    return model


def deserialize(
    data: bytes, content_type: str = "application/octet-stream", logger: Logger | None = None
) -> list[list[float]]:
    """Return the images in a request's body, each 64 pixels from 0 to 16, row by row."""
    media_type = content_type.split(";")[0].strip().lower()
    if media_type == "application/json":
        return from_json(data)
    if media_type == "text/csv":
        return from_csv(data)
    raise ValueError(f"Cannot read {content_type!r}: send application/json or text/csv")


def predict(data: list[list[float]], model: network.Network, logger: Logger | None = None) -> list[Prediction]:
    """Return the most probable digit of each image, and the probability of each digit from 0 to 9."""
    predictions: list[Prediction] = []
    for pixels in data:
        _, exact = network.forward(model, network.scaled(pixels))
        probabilities = [round(probability, 6) for probability in exact]
        digit = exact.index(max(exact))
        predictions.append({"digit": digit, "probability": probabilities[digit], "probabilities": probabilities})
    return predictions


def serialize(data: list[Prediction], accepted: str = "*/*", logger: Logger | None = None) -> tuple[bytes, str] | None:
    """Return a response's body and its type, or None if the client accepts neither JSON nor CSV."""
    media_type = accept.choose(accepted, ["application/json", "text/csv", COLUMNS])
    if media_type == "application/json":
        return json.dumps({"outputs": data}).encode(), media_type
    if media_type == "text/csv":
        lines = [f"{prediction['digit']},{prediction['probability']}" for prediction in data]
        return "\r\n".join(["digit,probability", *lines, ""]).encode(), media_type
    if media_type == COLUMNS:
        columns = {
            "digit": [prediction["digit"] for prediction in data],
            "probabilities": [prediction["probabilities"] for prediction in data],
        }
        return json.dumps(columns).encode(), media_type
    return None


def v2_metadata(model: network.Network, logger: Logger | None = None) -> dict[str, object]:
    """Describe the tensors: they are checked before ``deserialize`` gets them, as lists in JSON."""
    return {
        "inputs": [{"name": "images", "datatype": "FP32", "shape": [-1, network.PIXELS]}],
        "outputs": [
            {"name": "digit", "datatype": "INT64", "shape": [-1], "content_type": COLUMNS},
            {"name": "probabilities", "datatype": "FP64", "shape": [-1, network.DIGITS], "content_type": COLUMNS},
        ],
    }


def from_json(data: bytes) -> list[list[float]]:
    """Read ``{"inputs": [image, ...]}``, or ``{"inputs": image}`` for one; a tensor is the list alone."""
    try:
        document = json.loads(data)
    except ValueError as error:
        raise ValueError(f"The body is not JSON: {error}") from error
    rows = document.get("inputs") if isinstance(document, dict) else document
    if not isinstance(rows, list) or not rows:
        raise ValueError('Expected {"inputs": [[64 numbers], ...]}, got ' + reprlib.repr(document))
    if not any(isinstance(row, list) for row in rows):
        return [image(rows, "inputs", "inputs[{}]")]
    return [image(row, f"inputs[{i}]", f"inputs[{i}][{{}}]") for i, row in enumerate(rows)]


def from_csv(data: bytes) -> list[list[float]]:
    """Read an image a line; a first line without any number is a header."""
    reader = csv.reader(data.decode("utf-8-sig").splitlines(), skipinitialspace=True)
    rows = [(reader.line_num, [number(cell) for cell in row]) for row in reader if row]
    if rows and all(isinstance(cell, str) for cell in rows[0][1]):
        del rows[0]
    if not rows:
        raise ValueError("Expected a line of 64 numbers for each image, got none")
    return [image(row, f"Line {line}", f"Line {line}, column {{}}", first=1) for line, row in rows]


def number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def image(row: object, where: str, where_pixel: str, first: int = 0) -> list[float]:
    """Return ``row`` if it is an image; otherwise say what is wrong at which place, counted from ``first``."""
    if not isinstance(row, Sequence) or isinstance(row, str) or len(row) != network.PIXELS:
        got = f"{len(row)}" if isinstance(row, list) else reprlib.repr(row)
        raise ValueError(f"{where}: expected {network.PIXELS} numbers, got {got}")
    for column, pixel in enumerate(row, first):
        good = isinstance(pixel, (int, float)) and not isinstance(pixel, bool)
        if not good or not 0 <= pixel <= network.WHITEST:
            place = where_pixel.format(column)
            raise ValueError(f"{place}: expected a number from 0 to {network.WHITEST}, got {reprlib.repr(pixel)}")
    return row if isinstance(row, list) else list(row)
