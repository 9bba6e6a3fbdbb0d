"""Whole ways of work on a GPU: many records, binary tensors, and the module that ``init`` writes."""

import json
import os
import shutil
import struct

from conftest import FOLDER, MODEL, MODULES, PYTHON, ROOT, Server, eventually, holders, run

RECORDS = 10_000


def test_predict_takes_batches_to_the_gpu():
    (FOLDER / "records.jsonl").write_text("".join(f"[{number}, 1]\n" for number in range(RECORDS)))
    options = ["--device", "auto", "--max-batch-size", "64", "-o", FOLDER / "answers.jsonl"]
    run("predict", *options, MODULES / "batch", "serve.py", MODEL, FOLDER / "records.jsonl")
    answers = [json.loads(line) for line in (FOLDER / "answers.jsonl").read_text().splitlines()]
    assert [answer["y"] for answer in answers] == [[number + 3, 2 * number + 4] for number in range(RECORDS)]
    assert {answer["on"] for answer in answers} == {"cuda"}
    assert answers[-1]["batch"] > 8, "requests are gathered"
    assert holders() == {}


def test_binary_tensors_come_back_with_the_same_bits():
    server = Server("--device", "cuda:0", MODULES / "tensors", "serve.py", MODEL)
    size = 1 << 20
    # Random bits: subnormal and infinite numbers, and NaN of all kinds.
    data = os.urandom(size)
    tensor = {"name": "x", "datatype": "FP32", "shape": [size // 4], "parameters": {"binary_data_size": size}}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    for _ in range(20):
        status, answered, body = server.request("/v2/models/tensors/infer", head + data, headers)
        assert status == 200, body[:1000]
        length = int(answered["Inference-Header-Content-Length"])
        (output,) = json.loads(body[:length])["outputs"]
        assert (output["name"], output["datatype"], output["shape"]) == ("y", "FP32", [size // 4])
        assert body[length:] == data
    # As a file of NumPy as well.
    description = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({size // 4},), }}".ljust(117) + "\n"
    npy = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(description)) + description.encode() + data
    npy_type = {"Content-Type": "application/x-npy", "Accept": "application/x-npy"}
    status, answered, body = server.request("/invocations", npy, npy_type)
    assert (status, answered["content-type"]) == (200, "application/x-npy"), body[:1000]
    assert body[-size:] == data


def test_the_module_that_init_writes_is_trained_tested_packaged_and_served():
    module, model, archive = FOLDER / "spirals", FOLDER / "spirals-model", FOLDER / "spirals.tar.gz"
    run("init", "--template", "pytorch", module)
    run("train", module, "train.py", model)
    run("-m", "unittest", program=PYTHON, cwd=module)
    run("package", "-m", module, "-o", archive)
    server = Server("--device", "auto", archive, model)
    sample = (module / "sample.json").read_bytes()
    status, _, body = server.request("/invocations", sample, {"Content-Type": "application/json"})
    assert (status, [point["spiral"] for point in json.loads(body)]) == (200, [0, 1])
    eventually(lambda: len(holders()) == 1, "the network is on the GPU")


def test_the_example_is_trained_and_served_on_the_gpu():
    module, model = FOLDER / "digits", FOLDER / "digits-model"
    shutil.copytree(ROOT / "examples/pytorch", module)
    assert "on cuda" in run("train", "--install", "never", module, "train.py", model, "--epochs", "2").log
    server = Server("--install", "never", "--device", "auto", module, "serve.py", model)
    assert "on cuda" in server.log
    sample = (module / "sample.json").read_bytes()
    status, _, body = server.request("/invocations", sample, {"Content-Type": "application/json"})
    assert (status, list(json.loads(body))) == (200, ["outputs"]), body
