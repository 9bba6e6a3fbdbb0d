"""Recognizes scripts that were written for another server, and says which of their functions become which of ours.

Only distinctive features count: names that nothing else uses, or a base class together with the package that it is
imported from. The script is not run. ``docs/moving.md`` has an example of each server.
"""

from __future__ import annotations

import ast
from typing import Callable, Iterable, Mapping, NamedTuple

from .outline import Function, Outline, arguments, is_one_of

LOAD = "load(model_dir)"
DESERIALIZE = "deserialize(data, content_type)"
PREDICT = "predict(data, model)"
SERIALIZE = "serialize(data, accepted)"

#: The most functions of a script that a message names.
_MAX_STEPS = 6

_HTTP_METHODS = ("post", "get", "put", "api_route", "route")


class Step(NamedTuple):
    """A function of another server's script, in the form that a message shows, and what it becomes."""

    theirs: str
    line: int
    ours: str


class Likeness(NamedTuple):
    """The server that a script was probably written for."""

    what: str
    steps: list[Step]

    def __str__(self) -> str:
        """Return the text for a message."""
        shown = [f"{theirs}, line {line}, becomes {ours}" for theirs, line, ours in self.steps[:_MAX_STEPS]]
        covered = " ".join(step.ours for step in self.steps)
        new = [ours for ours in (LOAD, DESERIALIZE, PREDICT, SERIALIZE) if ours.split("(")[0] not in covered]
        if new:
            shown.append(f"to be written: {', '.join(new)}")
        return f"it looks like {self.what}: {'; '.join(shown)} (docs/moving.md shows how)"


def recognise(outline: Outline) -> Likeness | None:
    """Return the server that a script was probably written for; None if no feature is distinctive."""
    for look in _LOOKS:
        found = look(outline)
        if found is not None and found.steps:
            return found
    return None


class _Base(NamedTuple):
    """A server whose scripts inherit from one of its classes."""

    what: str
    #: The base classes. A class with the same name from another package does not count.
    bases: tuple[str, ...]
    steps: Mapping[str, str]
    #: Whether a base from any module of the first one's package counts.
    whole_package: bool = False


_TORCHSERVE = _Base(
    "a TorchServe handler",
    ("ts.torch_handler.base_handler.BaseHandler",),
    {
        "initialize": LOAD,
        "preprocess": f"{DESERIALIZE}, of one request",
        "inference": PREDICT,
        "postprocess": SERIALIZE,
        "handle": f"{DESERIALIZE}, {PREDICT} and {SERIALIZE}",
    },
    whole_package=True,
)
_VERTEX = _Base(
    "a predictor of Vertex AI",
    ("google.cloud.aiplatform.prediction.predictor.Predictor",),
    {"load": LOAD, "preprocess": DESERIALIZE, "predict": PREDICT, "postprocess": SERIALIZE},
    whole_package=True,
)
_BASES = (
    _TORCHSERVE,
    _VERTEX,
    _Base(
        "a LitAPI of LitServe",
        ("litserve.LitAPI", "litserve.api.LitAPI"),
        {
            "setup": LOAD,
            "decode_request": DESERIALIZE,
            "predict": PREDICT,
            "encode_response": SERIALIZE,
        },
    ),
    _Base(
        "a Cog predictor",
        ("cog.BasePredictor", "cog.BaseRunner", "cog.predictor.BasePredictor"),
        {"setup": LOAD, "predict": PREDICT, "run": PREDICT},
    ),
    _Base(
        "a KServe model",
        ("kserve.Model", "kserve.model.Model", "kfserving.KFModel"),
        {"load": LOAD, "preprocess": DESERIALIZE, "predict": PREDICT, "postprocess": SERIALIZE},
        whole_package=True,
    ),
    _Base(
        "a pyfunc model of mlflow",
        ("mlflow.pyfunc.PythonModel", "mlflow.pyfunc.model.PythonModel"),
        {"load_context": LOAD, "predict": PREDICT},
    ),
    _Base(
        "a model of MLServer",
        ("mlserver.MLModel", "mlserver.model.MLModel"),
        {"load": LOAD, "predict": PREDICT},
    ),
)

#: The packages of other servers.
PACKAGES = {"bentoml", "cog", "fastapi", "flask", "kfserving", "kserve", "litserve", "mlflow", "mlserver", "ray", "ts"}

#: Names of base classes that are not distinctive without the package that they are imported from.
_VAGUE = {"Model", "Predictor"}


def _by_base(outline: Outline) -> Likeness | None:
    for peer in _BASES:
        for owner in outline.classes.values():
            if any(_is_base(peer, origin) for origin in outline.bases(owner)):
                steps = _steps(owner.methods, peer.steps)
                if steps:
                    return Likeness(peer.what, steps)
    return None


def _is_base(peer: _Base, origin: str) -> bool:
    if "." not in origin:
        return origin not in _VAGUE and is_one_of(origin, peer.bases)
    # Many libraries share the package `google`.
    package = ".".join(peer.bases[0].split(".")[: 3 if origin.startswith("google.") else 1])
    return origin in peer.bases or (peer.whole_package and origin.startswith(f"{package}."))


def _triton(outline: Outline) -> Likeness | None:
    owner = outline.classes.get("TritonPythonModel")
    if owner is None or "execute" not in owner.methods:
        return None
    steps = {"initialize": LOAD, "execute": f"{PREDICT}, of one request", "finalize": "a function for atexit"}
    return Likeness("a Python model of Triton", _steps(owner.methods, steps))


def _hugging_face(outline: Outline) -> Likeness | None:
    owner = outline.classes.get("EndpointHandler")
    if owner is None or "__call__" not in owner.methods:
        return None
    return Likeness("a handler of Hugging Face", _steps(owner.methods, {"__init__": LOAD, "__call__": PREDICT}))


def _bentoml(outline: Outline) -> Likeness | None:
    what = "a BentoML service"
    for owner in outline.classes.values():
        if any(is_one_of(outline.origin(node), ("bentoml.service",)) for node in owner.node.decorator_list):
            apis = outline.decorated(owner.methods, "bentoml.api", "bentoml.task")
            return Likeness(what, _steps(owner.methods, {"__init__": LOAD, **dict.fromkeys(apis, PREDICT)}))
    services = outline.made_by("bentoml.Service")
    apis = outline.decorated(outline.functions, *(f"{name}.api" for name in services)) if services else {}
    return Likeness(what, _steps(apis, dict.fromkeys(apis, PREDICT), is_method=False)) if apis else None


def _ray(outline: Outline) -> Likeness | None:
    for owner in outline.classes.values():
        if any(outline.origin(node) == "ray.serve.deployment" for node in owner.node.decorator_list):
            return Likeness("a deployment of Ray Serve", _steps(owner.methods, {"__init__": LOAD, "__call__": PREDICT}))
    return None


def _vertex_without_base(outline: Outline) -> Likeness | None:
    """Recognize a predictor of Vertex AI without its base class, by the names of its arguments."""
    for owner in outline.classes.values():
        takes = {name: arguments(method, is_method=True) for name, method in owner.methods.items()}
        if takes.get("load", "").startswith("(artifacts_uri") and takes.get("predict", "").startswith("(instances"):
            return Likeness(_VERTEX.what, _steps(owner.methods, _VERTEX.steps))
    return None


def _torchserve_without_base(outline: Outline) -> Likeness | None:
    for owner in outline.classes.values():
        names = owner.methods.keys()
        stages = names & {"preprocess", "inference", "postprocess", "handle"}
        handle = owner.methods.get("handle")
        takes = "" if handle is None else arguments(handle, is_method=True)
        if "initialize" in names and (len(stages) >= 2 or takes == "(data, context)"):
            return Likeness(_TORCHSERVE.what, _steps(owner.methods, _TORCHSERVE.steps))
    handle = outline.functions.get("handle")
    if handle is not None and arguments(handle) == "(data, context)":
        return Likeness(_TORCHSERVE.what, _steps({"handle": handle}, _TORCHSERVE.steps, is_method=False))
    return None


def _sagemaker(outline: Outline) -> Likeness | None:
    functions = outline.functions
    # TensorFlow's estimators also have a model_fn(features, ...) and an input_fn().
    model_fn = functions.get("model_fn")
    names = functions.keys() & {"model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn"}
    certain = len(names) > 1 and names & {"predict_fn", "output_fn", "transform_fn"}
    if not certain and not (model_fn is not None and arguments(model_fn).startswith("(model_dir")):
        return None
    steps = {
        "model_fn": LOAD,
        "input_fn": DESERIALIZE,
        "predict_fn": PREDICT,
        "output_fn": SERIALIZE,
        "transform_fn": f"{DESERIALIZE}, {PREDICT} and {SERIALIZE}",
    }
    return Likeness("a SageMaker script", _steps(functions, steps, is_method=False))


def _azure(outline: Outline) -> Likeness | None:
    functions = outline.functions
    init, run = functions.get("init"), functions.get("run")
    if init is None or run is None or arguments(init) != "()":
        return None
    takes = arguments(run)
    if takes not in ("(raw_data)", "(mini_batch)") and not (outline.imports("azureml") and takes.count(",") == 0):
        return None
    return Likeness("a scoring script of Azure ML", _steps(functions, {"init": LOAD, "run": PREDICT}, is_method=False))


def _web(outline: Outline) -> Likeness | None:
    for scope in (outline, *outline.inside()):
        found = _web_in(scope)
        if found is not None:
            return found
    return None


def _web_in(outline: Outline) -> Likeness | None:
    for what, makers in (
        ("a FastAPI app", ("fastapi.FastAPI", "fastapi.APIRouter")),
        ("a Flask app", ("flask.Flask", "flask.Blueprint")),
    ):
        apps = outline.made_by(*makers)
        if not apps:
            continue
        posts = outline.decorated(outline.functions, *(f"{app}.post" for app in apps))
        routes = posts or outline.decorated(
            outline.functions, *(f"{app}.{method}" for app in apps for method in _HTTP_METHODS)
        )
        loads = outline.decorated(outline.functions, *(f"{app}.on_event" for app in apps))
        for call in apps.values():
            loads.update(_lifespan(outline, call))
        steps = {**dict.fromkeys(loads, LOAD), **dict.fromkeys(routes, PREDICT)}
        return Likeness(what, _steps(outline.functions, steps, is_method=False))
    return None


def _lifespan(outline: Outline, call: ast.Call) -> dict[str, Function]:
    """Return the functions that an app calls at its start, by name."""
    return {
        keyword.value.id: outline.functions[keyword.value.id]
        for keyword in call.keywords
        if keyword.arg == "lifespan" and isinstance(keyword.value, ast.Name) and keyword.value.id in outline.functions
    }


def _steps(functions: Mapping[str, Function], becomes: Mapping[str, str], *, is_method: bool = True) -> list[Step]:
    found: Iterable[str] = [name for name in becomes if name in functions]
    return [
        Step(f"{name[:60]}{arguments(functions[name], is_method=is_method)}", functions[name].lineno, becomes[name])
        for name in found
    ]


#: The most distinctive ones first: an app of FastAPI may contain any of the others.
_LOOKS: tuple[Callable[[Outline], Likeness | None], ...] = (
    _triton,
    _by_base,
    _bentoml,
    _ray,
    _hugging_face,
    _vertex_without_base,
    _torchserve_without_base,
    _sagemaker,
    _azure,
    _web,
)
