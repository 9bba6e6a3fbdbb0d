"""Asks a server by the Open Inference Protocol V2, with the clients of Triton and KServe; prints what they got as JSON."""

import asyncio
import json
import sys

import httpx
import numpy
import tritonclient.http as triton
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from tritonclient.utils import InferenceServerException

url = sys.argv[1]
got = {}


def ask(client, model, array, datatype, *, binary=True, parameters=None, outputs=None, **more):
    """Return the result of one input."""
    tensor = triton.InferInput("input", list(array.shape), datatype)
    tensor.set_data_from_numpy(array, binary_data=binary)
    # As users do: there is no method for it.
    tensor._parameters.update(parameters or {})
    return client.infer(model, [tensor], outputs=outputs, **more)


client = triton.InferenceServerClient(url.replace("http://", ""))
got["live"] = client.is_server_live()
got["ready"] = client.is_server_ready()
got["models"] = [client.is_model_ready("plain"), client.is_model_ready("plain", "1"), client.is_model_ready("other")]
got["server"] = client.get_server_metadata()
got["metadata"] = client.get_model_metadata("typed")
matrix = numpy.array([[1, 2.5], [-3, 4]], dtype=numpy.float32)
wanted = [triton.InferRequestedOutput("output", binary_data=True)]
for name, binary in (("json", False), ("binary", True)):
    result = ask(client, "plain", matrix, "FP32", binary=binary, outputs=wanted if binary else None, request_id="7")
    got[name] = [result.get_response().get("id"), str(result.as_numpy("output").dtype), result.as_numpy("output").tolist()]
for algorithm in ("gzip", "deflate"):
    result = ask(client, "plain", matrix, "FP32", request_compression_algorithm=algorithm)
    got[algorithm] = result.as_numpy("output").tolist()
result = ask(client, "typed", matrix, "FP32")
got["typed"] = [str(result.as_numpy("sum").dtype), result.as_numpy("sum").tolist()]
big = numpy.array([2**63 - 1, -(2**63)], dtype=numpy.int64)
got["wide"] = ask(client, "plain", big, "INT64", parameters={"content_type": "application/x-npy"}).as_numpy("output").tolist()
got["wide_json"] = ask(client, "plain", big, "INT64").as_numpy("output").tolist()
pictures = numpy.array([b"\x89PNG\x00\xff", b"two"], dtype=numpy.object_)
kind = {"content_type": "image/png"}
for name, binary in (("pictures", True), ("pictures_base64", False)):
    result = ask(client, "plain", pictures, "BYTES", parameters=kind, outputs=[triton.InferRequestedOutput("output", binary)])
    got[name] = [[str(value) for value in result.as_numpy("output")], result.get_output("output")["parameters"]]
for name, call in {
    "unknown": lambda: ask(client, "other", matrix, "FP32"),
    "wrong": lambda: ask(client, "typed", matrix[0], "FP32"),
    "raised": lambda: ask(client, "plain", numpy.zeros([0], numpy.float32), "FP32", parameters={"content_type": "application/x-npy"}),
    "output": lambda: ask(client, "plain", matrix, "FP32", outputs=[triton.InferRequestedOutput("nothing")]),
}.items():
    try:
        call()
    except InferenceServerException as error:
        got[name] = error.message()

got["config"] = client.get_model_config("typed")
got["config_version"] = client.get_model_config("typed", "1") == got["config"]
got["index"] = client.get_model_repository_index()
got["stats"] = client.get_inference_statistics("typed", "1")
got["stats_names"] = [stats["name"] for stats in client.get_inference_statistics()["model_stats"]]
for name, call in {
    "load": lambda: client.load_model("plain"),
    "unload": lambda: client.unload_model("plain"),
    "stats_unknown": lambda: client.get_inference_statistics("other"),
}.items():
    try:
        call()
    except InferenceServerException as error:
        got[name] = [error.status(), error.message()]


async def kserve():
    """Ask with the other client."""
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    got["kserve_ready"] = [await client.is_server_ready(url), await client.is_model_ready(url, "plain")]
    for name, binary in (("kserve_json", False), ("kserve_binary", True)):
        tensor = InferInput("input", [2, 2], "FP32")
        tensor.set_data_from_numpy(matrix, binary_data=binary)
        request = InferRequest("plain", [tensor], request_id="k")
        answer = await client.infer(url, request, model_name="plain")
        got[name] = [answer.id, answer.model_name, answer.outputs[0].as_numpy().tolist()]
    await client.close()
    await kserve_v1()


async def kserve_v1():
    """Ask with KServe's client by its first protocol."""
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    got["v1_ready"] = await client.is_model_ready(url, "plain")
    instances = {"instances": [[1, 2], [3, 4]]}
    got["v1"] = await client.infer(url, instances, model_name="plain")
    got["v1_graph"] = await client.infer(url + "/v1/models/plain:predict", instances, is_graph_endpoint=True)
    for name, call in {
        "v1_raised": lambda: client.infer(url, {"inputs": []}, model_name="plain"),
        "v1_unknown": lambda: client.infer(url, instances, model_name="other"),
        "v1_unknown_ready": lambda: client.is_model_ready(url, "other"),
        "v1_explain": lambda: client.explain(url, "plain", instances),
    }.items():
        try:
            await call()
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            got[name] = [status, str(error).rsplit(f", '{status} ", 1)[0]]
    await client.close()


asyncio.run(kserve())
print(json.dumps(got))
