"""aimodellib.openai: scripts that chat or embed, without a server."""

import asyncio
import base64
import functools
import json
import pathlib
import struct
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge.loader import streams_async
from aimodellib.openai import Api, ApiError, Finish

MESSAGES = [{"role": "user", "content": "one two"}]


def words(messages, model):
    yield from messages[-1]["content"].split()


def load(model_dir):
    return None


def api_for(chat=words, **more):
    return Api(load, chat=chat, **more)


def answer(api, **given):
    """Return what a request gets: an answer, or the bytes of a stream."""
    request = api.deserialize(json.dumps({"messages": MESSAGES, **given}).encode())
    result = api.predict(request, "the model")
    if hasattr(result, "__aiter__"):
        return asyncio.run(gathered(result))
    if hasattr(result, "__await__"):
        return asyncio.run(awaited(result))
    return result if isinstance(result, dict) else list(result)


async def gathered(parts):
    return [part async for part in parts]


async def awaited(result):
    return await result


def events(parts):
    """Return the data of events; all but the last are JSON."""
    *chunks, done = [event[6:] for event in b"".join(parts).decode().split("\n\n")[:-1]]
    return [json.loads(chunk) for chunk in chunks], done


def refused(call):
    """Return what an ApiError says."""
    with pytest.raises(ApiError) as caught:
        call()
    return caught.value.status, caught.value.param, caught.value.code, str(caught.value)


async def words_async(messages, model):
    for word in words(messages, model):
        yield word


async def text_async(messages, model):
    return "one two"


def decorated(chat):
    return functools.wraps(chat)(lambda *args: chat(*args))


class Chat:
    async def __call__(self, messages, model):
        return "one two"


@pytest.mark.parametrize(
    "chat",
    [
        words,
        words_async,
        text_async,
        lambda messages, model: "onetwo",
        lambda messages, model: ["one", "two"],
        lambda messages, model: {"role": "assistant", "content": "onetwo"},
    ],
)
def test_whole_answer_and_stream_have_the_same_text(chat):
    whole = answer(api_for(chat))
    [choice] = whole["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["content"].replace(" ", "") == "onetwo"
    chunks, done = events(answer(api_for(chat), stream=True))
    assert done == "[DONE]"
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == choice["message"]["content"]
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[-1]["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}


@pytest.mark.parametrize("chat", [words_async, text_async, decorated(words_async), decorated(text_async), Chat()])
def test_an_async_chat_is_executed_in_tasks(chat):
    api = api_for(chat)
    assert streams_async(api.predict)
    assert answer(api)["choices"][0]["message"]["content"].replace(" ", "") == "onetwo"
    assert not streams_async(api_for(words).predict)


def test_usage_counts_words_unless_the_script_counts():
    assert answer(api_for())["usage"] == {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}
    counted = api_for(count_tokens=lambda text, model: len(text) + len(model))
    assert answer(counted)["usage"]["prompt_tokens"] == len("one two") + len("the model")

    def finishes(messages, model):
        yield "a"
        yield Finish("length", prompt_tokens=7, completion_tokens=9)

    whole = answer(api_for(finishes))
    assert whole["usage"] == {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
    assert whole["choices"][0]["finish_reason"] == "length"
    chunks, _ = events(answer(api_for(finishes), stream=True, stream_options={"include_usage": True}))
    assert (chunks[-1]["choices"], chunks[-1]["usage"]) == ([], whole["usage"])
    assert all(chunk["usage"] is None for chunk in chunks[:-1])


def test_tool_calls_have_an_index_in_streams_and_end_the_answer():
    def calls(messages, model, tools):
        yield {"content": None, "tool_calls": [{"id": "1"}, {"id": "2"}]}
        yield {"tool_calls": [{"id": "3"}]}

    [choice] = answer(api_for(calls), tools=[{}])["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", None)
    assert choice["message"]["tool_calls"] == [{"id": "1"}, {"id": "2"}, {"id": "3"}]
    chunks, _ = events(answer(api_for(calls), tools=[{}], stream=True))
    deltas = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", [])]
    assert [(call["index"], call["id"]) for call in deltas] == [(0, "1"), (1, "2"), (2, "3")]


def test_parameters_reach_the_arguments_of_their_names():
    def chat(messages, model, max_tokens, stop=None, temperature=0.5):
        return repr((max_tokens, stop, temperature))

    def said(**given):
        return answer(api_for(chat), **given)["choices"][0]["message"]["content"]

    assert said() == "(None, None, 0.5)"
    assert said(max_completion_tokens=3, stop="x", temperature=None) == "(3, ['x'], 0.5)"


@pytest.mark.parametrize("name", ["text", "prompts", "self"])
def test_parameters_that_are_called_as_the_first_arguments_do_no_harm(name):
    def chat(text, prompts, **parameters):
        return repr(sorted(parameters))

    class Bot:
        def chat(self, messages, model, **parameters):
            return repr(sorted(parameters))

    function = Bot().chat if name == "self" else chat
    whole = answer(api_for(function), **{name: 1, "seed": 2})
    assert whole["choices"][0]["message"]["content"] == "['seed']"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("value", [None, 1, b"bytes", [1]])
def test_other_results_of_chat_are_errors_that_name_their_types(value, stream):
    with pytest.raises(TypeError, match=r"^chat\(\) must yield or return strings, messages or Finish, not \w+$"):
        answer(api_for(lambda messages, model: value), stream=stream)


def test_an_exception_amid_a_stream_is_an_event_and_one_before_it_is_raised():
    def fails(messages, model):
        if len(messages[-1]["content"]) > 3:
            yield "a"
        raise ApiError("no more", param="messages", code="too_long")

    request = api_for(fails).deserialize(json.dumps({"messages": MESSAGES, "stream": True}).encode())
    parts = api_for(fails).predict(request, None)
    sent = [next(parts), next(parts)]
    with pytest.raises(ApiError):
        next(parts)
    error = json.loads(sent[1][6:])["error"]
    assert error == {"message": "no more", "type": "server_error", "param": "messages", "code": "too_long"}
    with pytest.raises(ApiError):
        answer(api_for(fails), messages=[{"role": "user", "content": "a"}], stream=True)


def test_closing_a_stream_closes_the_generator_of_the_script():
    closed = []

    def chat(messages, model):
        try:
            for _ in range(9):
                yield "a"
        finally:
            closed.append("sync")

    async def chat_async(messages, model):
        try:
            for _ in range(9):
                yield "a"
        finally:
            closed.append("async")

    request = json.dumps({"messages": MESSAGES, "stream": True}).encode()
    parts = api_for(chat).predict(api_for(chat).deserialize(request), None)
    next(parts)
    parts.close()

    async def leave():
        parts = api_for(chat_async).predict(api_for(chat_async).deserialize(request), None)
        await parts.__anext__()
        await parts.aclose()

    asyncio.run(leave())
    assert closed == ["sync", "async"]


@pytest.mark.parametrize(
    "given, param, message",
    [
        ({"messages": []}, "messages", "'messages' must be a list of at least one message"),
        ({"messages": ["a"]}, "messages[0]", "'messages[0]' must be an object with"),
        (
            {"messages": [{"role": "user", "content": 1}]},
            "messages[0].content",
            "'messages[0].content' must be a string",
        ),
        ({"temperature": 2.5}, "temperature", "'temperature' must be a number from 0 to 2"),
        ({"temperature": float("nan")}, "temperature", "'temperature' must be a number from 0 to 2"),
        ({"temperature": True}, "temperature", "'temperature' must be a number from 0 to 2"),
        ({"max_tokens": 0}, "max_tokens", "'max_tokens' must be an integer of at least 1"),
        ({"seed": 1.5}, "seed", "'seed' must be an integer"),
        ({"stop": list("abcde")}, "stop", "'stop' must be a string, or a list of at most 4 strings"),
        ({"stream": 1}, "stream", "'stream' must be true or false"),
        ({"stream_options": []}, "stream_options", "'stream_options' must be an object"),
        ({"model": 1}, "model", "'model' must be the name of a model"),
        ({"n": 2}, "n", "This model does not support 'n'"),
        ({"tools": [{}]}, "tools", "This model does not support 'tools'"),
        (
            {"response_format": {"type": "json_object"}},
            "response_format",
            "This model does not support 'response_format'",
        ),
    ],
)
def test_parameters_that_can_not_be_met_are_refused(given, param, message):
    status, named, code, said = refused(lambda: answer(api_for(), **given))
    assert (status, named) == (400, param)
    assert code in ("invalid_value", "unsupported_parameter")
    assert said.startswith(message)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_bodies_that_are_no_json_objects_are_refused(body):
    assert refused(lambda: api_for().deserialize(body))[:3] == (400, None, "invalid_json")


def test_parts_of_text_are_joined_and_other_parts_are_kept():
    def shows(messages, model):
        return json.dumps(messages[0]["content"])

    def said(*parts):
        [choice] = answer(api_for(shows), messages=[{"role": "user", "content": parts}])["choices"]
        return json.loads(choice["message"]["content"])

    texts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert said(*texts) == "ab"
    image = {"type": "image_url", "image_url": {"url": "data:"}}
    assert said(texts[0], image) == [texts[0], image]


def embedded(vectors, **given):
    api = Api(load, embed=lambda texts, model: vectors)
    return api.predict(api.deserialize(json.dumps({"input": ["a b", "c"], **given}).encode()), None)


def test_vectors_are_numbers_or_base64():
    found = embedded([(0.5, 1), [2, 3]])
    assert [row["embedding"] for row in found["data"]] == [[0.5, 1.0], [2.0, 3.0]]
    assert found["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    text = embedded(iter([[0.5, 1], [2, 3]]), encoding_format="base64")["data"][0]["embedding"]
    assert struct.unpack("<2f", base64.b64decode(text)) == (0.5, 1.0)
    with pytest.raises(ValueError, match="1 vectors for 2 texts"):
        embedded([[1]])


@pytest.mark.parametrize(
    "given, param",
    [
        ({"input": []}, "input"),
        ({"input": [[1, 2]]}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"dimensions": 8}, "dimensions"),
    ],
)
def test_inputs_that_can_not_be_embedded_are_refused(given, param):
    assert refused(lambda: embedded([[1]], **given))[:2] == (400, param)


def test_a_script_that_only_embeds_refuses_to_chat():
    api = Api(load, embed=lambda texts, model: [])
    body = json.dumps({"messages": MESSAGES}).encode()
    assert refused(lambda: api.deserialize(body))[:3] == (404, None, "unsupported_endpoint")
    assert api.openai_apis == ("embeddings",)


def test_functions_that_can_not_be_called_are_refused_at_once():
    with pytest.raises(TypeError, match="needs chat or embed"):
        Api(load)
    with pytest.raises(TypeError, match=r"chat\(messages\) must be callable as chat\(messages, model\)"):
        Api(load, chat=named(lambda messages: None))


def named(function):
    function.__name__ = "chat"
    return function
