"""Recognition of scripts of other servers, and of near misses of our names."""

import ast
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge.check import check
from aimodellib._bridge.demands import SERVE, TRAIN
from aimodellib._bridge.hints import hint
from aimodellib._bridge.outline import Outline
from aimodellib._bridge.peers import recognise

DEMANDED = tuple(demand.name for demand in SERVE)


def look(source):
    found = recognise(Outline(ast.parse(source)))
    return None if found is None else (found.what, [(step.theirs, step.ours.split("(")[0]) for step in found.steps])


@pytest.mark.parametrize(
    ("source", "what", "steps"),
    [
        (
            "def model_fn(model_dir, context=None): ...",
            "a SageMaker script",
            [("model_fn(model_dir, context)", "load")],
        ),
        (
            "if True:\n  def input_fn(body, kind): ...\ndef transform_fn(model, data, kind, accept): ...",
            "a SageMaker script",
            [("input_fn(body, kind)", "deserialize"), ("transform_fn(model, data, kind, accept)", "deserialize")],
        ),
        (
            "import ts.torch_handler.vision_handler as v\nclass H(v.VisionHandler):\n  def postprocess(self, data): ...",
            "a TorchServe handler",
            [("postprocess(data)", "serialize")],
        ),
        (
            "class H(object):\n  def initialize(self, c): ...\n  def inference(self, d): ...\n  def handle(self, d, c): ...",
            "a TorchServe handler",
            [("initialize(c)", "load"), ("inference(d)", "predict"), ("handle(d, c)", "deserialize")],
        ),
        (
            "class H:\n  def initialize(self, context): ...\n  def handle(self, data, context): ...",
            "a TorchServe handler",
            [("initialize(context)", "load"), ("handle(data, context)", "deserialize")],
        ),
        (
            "from fastapi import FastAPI\ndef make(name='x'):\n  app = FastAPI()\n  @app.post('/p')\n"
            "  def classify(item): ...\n  return app",
            "a FastAPI app",
            [("classify(item)", "predict")],
        ),
        ("def handle(data, context): ...", "a TorchServe handler", [("handle(data, context)", "deserialize")]),
        (
            "import mlflow\nclass M(mlflow.pyfunc.PythonModel):\n  def predict(self, context, model_input): ...\n"
            "mlflow.models.set_model(M())",
            "a pyfunc model of mlflow",
            [("predict(context, model_input)", "predict")],
        ),
        (
            "from litserve import *\nclass Base(LitAPI): ...\nclass Api(Base):\n  def setup(self, device): ...",
            "a LitAPI of LitServe",
            [("setup(device)", "load")],
        ),
        (
            "from cog import BasePredictor, Input\nclass P(BasePredictor):\n"
            "  async def predict(self, a: str = Input(), b: int = 1): ...",
            "a Cog predictor",
            [("predict(a, b)", "predict")],
        ),
        (
            "import bentoml\nsvc = bentoml.Service('s', runners=[])\n"
            "@svc.api(input=JSON(), output=JSON())\ndef classify(data): ...",
            "a BentoML service",
            [("classify(data)", "predict")],
        ),
        (
            "from bentoml import api, service\n@service\nclass S:\n  @api(batchable=True)\n  def go(self, x): ...",
            "a BentoML service",
            [("go(x)", "predict")],
        ),
        (
            "from google.cloud.aiplatform.prediction.sklearn.predictor import SklearnPredictor\n"
            "class P(SklearnPredictor):\n  def preprocess(self, prediction_input): ...",
            "a predictor of Vertex AI",
            [("preprocess(prediction_input)", "deserialize")],
        ),
        (
            "class P:\n  def load(self, artifacts_uri): ...\n  def predict(self, instances): ...",
            "a predictor of Vertex AI",
            [("load(artifacts_uri)", "load"), ("predict(instances)", "predict")],
        ),
        (
            "import kserve\nclass M(kserve.Model):\n  def predict(self, payload, headers=None): ...",
            "a KServe model",
            [("predict(payload, headers)", "predict")],
        ),
        (
            "import triton_python_backend_utils as u\nclass TritonPythonModel:\n  async def execute(self, requests): ...",
            "a Python model of Triton",
            [("execute(requests)", "predict")],
        ),
        (
            "from typing import Any\nclass EndpointHandler():\n  def __init__(self, path=''): ...\n"
            "  def __call__(self, data: Any): ...",
            "a handler of Hugging Face",
            [("__init__(path)", "load"), ("__call__(data)", "predict")],
        ),
        (
            "import fastapi as f\napi = f.APIRouter()\n@api.get('/')\ndef home(): ...\n"
            "@api.post('/p', response_model=None)\nasync def answer(body: dict): ...",
            "a FastAPI app",
            [("answer(body)", "predict")],
        ),
        (
            "from fastapi import FastAPI\napp: FastAPI = FastAPI()\n@app.on_event('startup')\ndef start(): ...\n"
            "@app.get('/p/{x}')\ndef predict(x): ...",
            "a FastAPI app",
            [("start()", "load"), ("predict(x)", "predict")],
        ),
        (
            "import flask\nblue = flask.Blueprint('b', __name__)\n@blue.route('/p')\ndef predict(): ...",
            "a Flask app",
            [("predict()", "predict")],
        ),
        ("def init(): ...\ndef run(mini_batch): ...", "a scoring script of Azure ML", [("init()", "load"), ("run(mini_batch)", "predict")]),
        (
            "from mlserver import MLModel\nclass M(MLModel):\n  async def load(self): ...",
            "a model of MLServer",
            [("load()", "load")],
        ),
    ],
)
def test_scripts_of_other_servers_are_recognized(source, what, steps):
    assert look(source) == (what, steps)


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        # An estimator of TensorFlow is not a script of SageMaker.
        "def model_fn(features, labels, mode): ...\ndef input_fn(): ...\ndef serving_input_fn(): ...",
        "def predict_fn(data): ...",
        # Classes with the same names from other packages.
        "from ultralytics.engine.predictor import BasePredictor\nclass P(BasePredictor):\n  def setup(self): ...",
        "import tornado.web\nclass BaseHandler(tornado.web.RequestHandler):\n  def initialize(self, db): ...",
        "from base import BaseHandler\nclass H(BaseHandler):\n  def initialize(self, context): ...",
        "from keras import Model\nclass M(Model):\n  def predict(self, x): ...",
        "class Model: ...\nclass M(Model):\n  def load(self): ...\n  def predict(self, x): ...",
        "class Predictor: ...\nclass P(Predictor):\n  def load(self, uri): ...",
        "from google.protobuf.message import Message\nclass M(Message):\n  def load(self, x): ...",
        "class Handler:\n  def __call__(self, data): ...",
        "def init(): ...\ndef run(steps): ...",
        "def handle(event, context): ...",
        "from fastapi import FastAPI\napp = FastAPI()",
        "app = make()\n@app.post('/p')\ndef predict(x): ...",
        "def make():\n  class LitAPI: ...\n  class Api(LitAPI):\n    def setup(self, device): ...",
        "if __name__ == '__main__':\n  def model_fn(model_dir): ...",
    ],
)
def test_similar_scripts_are_not_recognized(source):
    assert look(source) is None


def test_a_script_with_our_functions_is_ours_whatever_else_it_contains():
    ours = "def load(d): ...\ndef deserialize(d, c): ...\ndef serialize(d, a): ...\n"
    app = "from fastapi import FastAPI\napp = FastAPI()\n@app.post('/p')\ndef other(x): ...\n"
    assert hint(Outline(ast.parse(ours + app)), DEMANDED, ["predict"]) == ""
    assert check((ours + app + "def predict(d, m): ...").encode(), "s.py", SERVE, frozenset()).problems == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def deserialise(d, c): ...", "line 1 defines deserialise() in place of deserialize()"),
        ("\ndef Predict(d, m): ...", "line 2 defines Predict() in place of predict()"),
        ("def loadModel(d): ...", "line 1 defines loadModel() in place of load()"),
        ("def serialize_output(d): ...", "line 1 defines serialize_output() in place of serialize()"),
        ("async def predict_fn(d): ...", "line 1 defines predict_fn() in place of predict()"),
        (
            "def lod(d): ...\ndef predct(d, m): ...",
            "line 1 defines lod() in place of load(), line 2 defines predct() in place of predict()",
        ),
        (
            "class Service:\n  def load(self, d): ...\n  def deserialise(self, d, c): ...",
            "its class Service, line 1, defines only load; line 3 defines deserialise() in place of deserialize()",
        ),
        (
            "class Service:\n  def load(self, d): ...\n  def predict(self, d, m): ...",
            "its class Service, line 1, defines only load, predict",
        ),
    ],
)
def test_near_misses_are_named(source, expected):
    assert hint(Outline(ast.parse(source)), DEMANDED, DEMANDED) == f"; {expected}"


def test_a_function_of_ours_is_not_a_near_miss_of_another():
    source = "def deserialize(d, c): ...\ndef deserialise_rows(d): ..."
    assert hint(Outline(ast.parse(source)), DEMANDED, ["load", "predict", "serialize"]) == ""


def test_near_misses_of_train_are_named():
    [problem] = check(b"def trainModel(model_dir): ...", "t.py", TRAIN, frozenset()).problems
    assert problem == "'t.py' must define train(); line 1 defines trainModel() in place of train()"


def test_package_refuses_an_app_that_a_library_creates():
    source = (
        b"from fastapi import FastAPI\nfrom slowapi import Limiter\nlimiter = Limiter()\napp = FastAPI()\n"
        b"@app.post('/p')\ndef answer(x): ...\nvalue = app.state\n"
    )
    [problem] = check(source, "s.py", SERVE, frozenset()).problems
    assert "it looks like a FastAPI app: answer(x), line 6, becomes predict(data, model)" in problem


@pytest.mark.parametrize("line", ["from near import service", "import near\nservice = near.Service()", "service = make()"])
def test_an_app_beside_possible_functions_of_ours_is_accepted(line):
    source = f"from fastapi import FastAPI\napp = FastAPI()\n@app.post('/p')\ndef answer(x): ...\ndef make(): ...\n{line}"
    assert check(source.encode(), "s.py", SERVE, frozenset(["near"])).problems == []


@pytest.mark.parametrize(
    "source",
    [
        "class A(B): ...\nclass B(A): ...\na = A()",
        "class C0: ...\n" + "".join(f"class C{i + 1}(C{i}, C{i}, C{i}): ...\n" for i in range(200)) + "a = C200()",
        "\n".join(f"def deserialise_{i}(): ..." for i in range(20_000)),
        "def " + "x" * 100_000 + "(a): ...",
        "def model_fn(model_dir, " + ", ".join(f"argument_{i}" for i in range(200)) + "): ...",
    ],
)
def test_the_work_and_the_text_of_a_hint_are_bounded(source):
    problems = check(source.encode(), "s.py", SERVE, frozenset()).problems
    assert sum(map(len, problems)) < 2000
