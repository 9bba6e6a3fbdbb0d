"""``each_instance``: requests of many instances, errors of single ones, and how the loader sees such a predict."""

import asyncio
import functools
import inspect

import pytest
import io_support  # noqa: F401

from aimodellib._bridge.demands import SERVE
from aimodellib._bridge.loader import adapt, is_async
from aimodellib.io import InputError, deserialize, each_instance, serialize


@each_instance
def double(data, model, logger=None):
    if data == "bad":
        raise InputError("No text, please")
    if data == "bug":
        raise ValueError("a bug")
    return data * model


def test_a_request_of_instances_has_a_prediction_for_each():
    assert double({"instances": [1, "a", [2]]}, 2) == {"predictions": [2, "aa", [2, 2]]}
    assert double({"instances": []}, 2) == {"predictions": []}
    assert serialize(double(deserialize(b'{"instances": [1]}', "application/json"), 2)) == (
        b'{"predictions":[2]}',
        "application/json",
    )


def test_other_inputs_are_passed_as_they_are():
    assert double(3, 2) == 6
    assert each_instance(lambda data, model: data)({"x": {"b64": "QQ=="}}, None) == {"x": {"b64": "QQ=="}}


def test_a_refused_instance_has_its_error_in_its_place():
    assert double({"instances": [1, "bad", 3]}, 2) == {
        "predictions": [2, {"error": {"status": 400, "message": "No text, please"}}, 6]
    }
    with pytest.raises(InputError):
        double("bad", 2)


@pytest.mark.parametrize(
    ("attribute", "value", "placed"),
    [
        ("status", 422, True),
        ("status_code", 404, True),
        ("status", 429, False),
        ("status", 503, False),
        ("status", "422", False),
    ],
)
def test_the_status_of_an_exception_decides_whether_it_is_one_instance_s_error(attribute, value, placed):
    class Refused(Exception):
        pass

    setattr(Refused, attribute, value)

    @each_instance
    def predict(data, model):
        raise Refused("why")

    if placed:
        error = {"status": value, "message": "why"}
        assert predict({"instances": [1]}, None) == {"predictions": [{"error": error}]}
    else:
        with pytest.raises(Refused):
            predict({"instances": [1]}, None)


def test_an_error_of_the_script_ends_the_request():
    with pytest.raises(ValueError, match="a bug"):
        double({"instances": [1, "bug"]}, 2)


def test_instances_that_are_no_array_are_refused():
    for instances in (None, {}, "abc", 1):
        with pytest.raises(InputError, match="'instances' must be an array"):
            double({"instances": instances}, 2)


def test_base64_becomes_bytes_in_an_instance_and_in_its_fields():
    same = each_instance(lambda data, model: data)
    data = [
        {"b64": "QUI="},
        {"image": {"b64": "QUI="}, "n": {"b64": "QQ==", "more": 1}},
        {"deep": {"x": {"b64": "QQ=="}}},
    ]
    assert same({"instances": data}, None) == {"predictions": [b"AB", {"image": b"AB", "n": data[1]["n"]}, data[2]]}
    found = same({"instances": [{"b64": "%"}, {"b64": "QQ=="}]}, None)["predictions"]
    assert found[0]["error"]["status"] == 400
    assert found[1] == b"A"


def test_parameters_are_those_of_the_request():
    @each_instance
    def needs(data, model, parameters):
        return parameters

    @each_instance
    def may_have(data, model, *, parameters="default"):
        return parameters

    assert needs({"instances": [1], "parameters": {"k": 1}}, None) == {"predictions": [{"k": 1}]}
    assert needs({"instances": [1]}, None) == {"predictions": [None]}
    assert needs(1, None) is None
    assert may_have({"instances": [1], "parameters": {"k": 1}}, None) == {"predictions": [{"k": 1}]}
    assert may_have({"instances": [1], "parameters": None}, None) == {"predictions": ["default"]}
    assert may_have(1, None) == "default"
    assert list(inspect.signature(needs).parameters) == ["data", "model"]


def test_a_coroutine_function_stays_one():
    @each_instance
    async def predict(data, model):
        await asyncio.sleep(0)
        if data < 0:
            raise InputError("negative")
        return data + model

    assert is_async(predict)
    assert asyncio.run(predict({"instances": [1, -1]}, 1)) == {
        "predictions": [2, {"error": {"status": 400, "message": "negative"}}]
    }
    assert asyncio.run(predict(1, 1)) == 2


def test_a_decorated_coroutine_function_is_awaited():
    async def plain(data, model):
        return data + model

    predict = each_instance(functools.wraps(plain)(lambda data, model: plain(data, model)))
    assert is_async(predict)
    assert asyncio.run(predict({"instances": [1, 2]}, 1)) == {"predictions": [2, 3]}
    assert asyncio.run(predict(1, 1)) == 2


def test_a_method_works_in_its_class():
    class Model:
        @each_instance
        def predict(self, data, model):
            return data + model

    assert Model().predict({"instances": [1]}, 1) == {"predictions": [2]}


def test_the_loader_calls_it_like_any_predict():
    class Script:
        predict = staticmethod(double)

    demand = next(each for each in SERVE if each.name == "predict")
    call = adapt(Script, demand, demand.passed, {"logger": None})
    assert call({"instances": [2]}, 2) == {"predictions": [4]}


def test_a_generator_function_is_refused():
    with pytest.raises(TypeError, match="streams"):

        @each_instance
        def predict(data, model):
            yield data
