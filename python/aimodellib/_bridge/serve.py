"""Serving: load the model once, then take requests through ``deserialize``, ``predict`` and ``serialize``.

There are four ways to take requests. This file takes them one after the other, which is the fastest. The others are in
``serve_batches.py``, ``serve_async.py`` and ``serve_threads.py``.
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any, Callable

from ..util.types import InferenceModule
from . import ending, forks, frames, streams
from .advice import advise, served
from .answer import failed, raised, refused
from .bytecode import cached
from .demands import SERVE, takes_logger
from .failures import message_of, traceback_bytes, type_name
from .green import refuse_green_threads
from .handler import Handler
from .loader import ScriptError, adapt, find_implementation, is_async, streams_async
from .loop import Loop
from .memory import keep_freed_memory
from .names import add_to_path, load_script
from .parts import SerialSender
from .request import ServingLogger, here, marks, traces
from .tensors import read_signature
from .usage import Usage

if TYPE_CHECKING:
    from .link import Link


def run(link: Link, config: dict[str, Any]) -> int:
    """Serve until the supervisor sends STOP or closes the connection; return the exit code of the process."""
    sys.argv = [config["script"]]
    served.config = config
    keep_freed_memory()
    shares = "memory" in config and link.share(config["memory"])
    stage = "import"
    try:
        add_to_path(config["module"], config["script"])
        module = forks.call(load_script, config["module"], config["script"])
        stage = "check"
        owner = find_implementation(module, InferenceModule.demanded())
        logger = {"logger": ServingLogger()}
        marks.secret = str(config.get("mark", ""))
        traces.on = config.get("traced") is True
        load = adapt(owner, SERVE[0], SERVE[0].passed, logger)
        with cached():
            handler, serve_all, window = _choose(owner, logger, config)
        stage = "load"
        handler.model = forks.call(load, config["model_dir"])
        signature = forks.call(read_signature, owner, handler.model, logger)
        if signature is not None:
            window["signature"] = signature
        apis = getattr(owner, "openai_apis", None)
        if isinstance(apis, tuple):
            window["openai"] = list(apis)
        if takes_logger(owner):
            window["head"] = True
        if shares:
            window["memory"] = True
    except ScriptError as error:
        link.send(frames.FAILED, stage=stage, type="ScriptError", message=str(error))
        return 1
    except BaseException as error:
        message = message_of(error) + advise(error, config)
        text = traceback_bytes(error)
        if forks.is_child:
            forks.leave()
        link.send(frames.FAILED, text, stage=stage, type=type_name(error), message=message)
        return 1
    # The objects of the model stay: the garbage collector must not visit them again and again. PyPy has no freeze().
    if hasattr(gc, "freeze"):
        gc.freeze()
    streams.flush()
    link.send(frames.READY, b"", **window)
    usage = Usage(link, handler.times)
    usage.tell()
    status = serve_all(link, handler, usage)
    ending.watch()
    # Output from now on belongs to no request.
    here.request = None
    return status


#: Takes requests until STOP, or until the connection ends; returns the exit code.
Serve = Callable[["Link", Any, Usage], int]


def _choose(owner: Any, logger: dict[str, Any], config: dict[str, Any]) -> tuple[Handler, Serve, dict[str, object]]:
    """Choose how requests are taken: return a handler, a loop, and the metadata of READY about requests in flight."""
    max_answer: int = config.get("max_answer", config["max_body"])
    size: int = config.get("max_batch_size", 1)
    threads: int = config.get("threads", 1)
    concurrency: int = config.get("concurrency", 1)
    if size > 1 and hasattr(owner, "predict_batch"):
        from .serve_batches import serve_batches

        refuse_green_threads(threads)

        def batches(link: Link, handler: Handler, usage: Usage) -> int:
            return serve_batches(link, handler, usage, size, float(config.get("batch_timeout", 0)), threads)

        # The next batch waits in this process while one is executed.
        return Handler(owner, logger, max_answer), batches, {"window": 2 * size}
    if (concurrency > 1 and is_async(owner.predict)) or streams_async(owner.predict):
        from .serve_async import AsyncHandler, serve_async

        return (
            AsyncHandler(owner, logger, max_answer),
            serve_async,
            {"window": concurrency, "concurrent": True},
        )
    if threads > 1:
        from .serve_threads import serve_threads

        refuse_green_threads(threads)

        def in_threads(link: Link, handler: Handler, usage: Usage) -> int:
            return serve_threads(link, handler, usage, threads)

        return Handler(owner, logger, max_answer), in_threads, {"window": threads, "concurrent": True}
    return Handler(owner, logger, max_answer), serve, {}


def serve(link: Link, handler: Handler, usage: Usage) -> int:
    """Take requests one after the other."""
    ledger, sender, loop = link.ledger, SerialSender(link), Loop(link, usage)
    read, invoke, begin, answer, gone = link.read, handler.invoke, ledger.begin, ledger.answer, sender.gone
    while True:
        try:
            received = read()
        except frames.Closed:
            return 0
        for frame in received:
            # The request that was executed last is already answered.
            if frame[0] == frames.CANCEL and frame[1] != sender.request_id:
                sender.leave(frame[1])
        for kind, request_id, metadata, body in received:
            if kind == frames.INVOKE:
                ours = begin(request_id)
                sender.request_id = request_id
                if not ours:
                    answer_kind, answer_metadata, answer_body = refused()
                elif request_id in gone:
                    answer_kind, answer_metadata, answer_body = failed("cancelled", "The client has disconnected")
                else:
                    try:
                        answer_kind, answer_metadata, answer_body = invoke(metadata, body, sender)
                    except (frames.Closed, frames.ProtocolError):
                        raise
                    except BaseException as error:
                        answer_kind, answer_metadata, answer_body = raised("predict", error)
                if gone:
                    # Raise if reading has failed: then the client may still be there, and "cancelled" would be wrong.
                    link.check()
                    gone.discard(request_id)
                answer(answer_kind, request_id, answer_metadata, answer_body)
            else:
                loop.control(kind, request_id, metadata)
                if loop.stopping:
                    loop.report()
                    return 0
        ledger.flush()
        usage.tell()
