"""Clients that do what a server must bear: resets, stalls, half-closed connections, V2 bodies that cost much, scripts that fail.

Usage: hostile.py PORT TLS_PORT READ_TIMEOUT MODEL [KIND...]; TLS_PORT may be 0, and without a KIND there are all. It ends with its standard input, and prints what it saw as JSON.
"""

import gzip
import json
import select
import socket
import struct
import sys
import threading
import time

PORT, TLS_PORT, READ_TIMEOUT, MODEL = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
#: The most connections that stall at a time, and how long after the limit they may be there still, in seconds.
STALLED, GRACE = 40, 5.0
#: For an answer, in seconds: a request may wait for workers that are started anew.
PATIENCE = 60.0

counts = {}
faults = []
lock = threading.Lock()
over = threading.Event()


def count(what, fault=None):
    with lock:
        counts[what] = counts.get(what, 0) + 1
        if fault is not None:
            counts["faults"] = counts.get("faults", 0) + 1
            if len(faults) < 10:
                faults.append(f"{what}: {fault}")


def connect(port=PORT):
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def post(path, body, *headers):
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def answer(connection):
    """Return status and body of an answer that ends with its connection, or has a length."""
    data = b""
    while True:
        head, found, body = data.partition(b"\r\n\r\n")
        if found:
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if length and len(body) >= int(length[0].split(b":")[1]):
                return int(head.split()[1]), body
        piece = connection.recv(65536)
        if not piece:
            raise OSError(f"the connection ended after {data[:100]!r}")
        data += piece


def resets():
    """Before the connection is accepted, within the head, and while the request is executed."""
    for n in range(10**9):
        if over.wait(0.1):
            return
        for sent in (b"", b"POST /invocations HTTP/1.1\r\nHo", post("/invocations", b'{"inputs":[1]}')):
            try:
                connection = connect()
                connection.sendall(sent)
                if n % 2:
                    time.sleep(0.002)
                reset(connection)
                count("resets")
            except OSError as error:
                count("resets", f"{error}")


def stalls():
    """Nothing, half a head, half a body, half a TLS handshake, and then nothing more: the server has to close them."""
    beginnings = [(PORT, b""), (PORT, b"GET / HT"), (PORT, post("/invocations", b"x" * 1000)[:-500])]
    if TLS_PORT:
        # A record of a handshake whose end never comes.
        beginnings += [(TLS_PORT, b""), (TLS_PORT, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")]
    held = []
    n = 0
    while not over.is_set():
        if len(held) < STALLED:
            port, sent = beginnings[n % len(beginnings)]
            n += 1
            try:
                connection = connect(port)
                connection.sendall(sent)
                held.append((time.monotonic(), f"{port}, {sent[:20]!r}", connection))
            except OSError as error:
                count("stalls", f"{error}")
        for entry in held[:]:
            began, what, connection = entry
            if select.select([connection], [], [], 0)[0]:
                try:
                    ended = connection.recv(65536) == b""
                except OSError:
                    ended = True
                if ended:
                    held.remove(entry)
                    connection.close()
                    count("stalls")
            elif time.monotonic() - began > READ_TIMEOUT + GRACE:
                held.remove(entry)
                connection.close()
                count("stalls", f"still open after {READ_TIMEOUT + GRACE} s: {what}")
        over.wait(0.1)
    for _, _, connection in held:
        connection.close()


def half_closed():
    """A request, and then the end of what the client sends: it gets its answer."""
    n = 0
    while not over.wait(0.05):
        n += 1
        try:
            with connect() as connection:
                connection.sendall(post("/invocations", json.dumps({"inputs": [n]}).encode()))
                connection.shutdown(socket.SHUT_WR)
                # What is sent meanwhile to see whether it is there is no answer.
                status, body = answer_after_interim(connection)
        except OSError as error:
            count("half closed", f"{error}")
            continue
        right = status in (502, 503) or (status == 200 and json.loads(body)["outputs"] == [2 * n])
        count("half closed", None if right else f"{status}: {body[:200]!r}")


def answer_after_interim(connection):
    data = b""
    while True:
        piece = connection.recv(65536)
        if not piece:
            break
        data += piece
    while data.startswith(b"HTTP/1.1 1"):
        data = data.partition(b"\r\n\r\n")[2]
    head, _, body = data.partition(b"\r\n\r\n")
    if not head:
        raise OSError("no answer")
    return int(head.split()[1]), body


def tensor(shape, data, datatype="INT64"):
    return json.dumps({"inputs": [{"name": "x", "shape": shape, "datatype": datatype, "data": data}]}).encode()


def v2():
    """Bodies that look small and are made large, and large ones that are right."""
    path = f"/v2/models/{MODEL}/infer"
    many = tensor([200_000], list(range(200_000)))
    bodies = {
        "shape": (post(path, tensor([2_000_000_000, 0], [])), None),
        "product": (post(path, tensor([2**31, 2**31, 2**31], [])), None),
        "depth": (post(path, b'{"inputs":' + b"[" * 200_000), None),
        "digits": (post(path, tensor([1], [0]).replace(b"[0]", b"[" + b"9" * 500_000 + b"]")), None),
        "bomb": (post(path, gzip.compress(b" " * 60_000_000, 6), "Content-Encoding: gzip"), None),
        "many": (post(path, many), 200_000),
        "packed": (post(path, gzip.compress(many, 1), "Content-Encoding: gzip"), 200_000),
    }
    for n in range(10**9):
        what, (request, elements) = list(bodies.items())[n % len(bodies)]
        if over.wait(1.0):
            return
        try:
            with connect() as connection:
                connection.sendall(request)
                status, body = answer(connection)
        except OSError as error:
            # One that is refused before all of it has come may see the end of the connection first.
            count("V2", None if elements is None else f"{what}: {error}")
            continue
        if elements is None:
            right = 400 <= status < 500 or status == 503
        else:
            right = status in (502, 503) or (status == 200 and json.loads(body)["outputs"][0]["shape"] == [elements])
        count("V2", None if right else f"{what}: {status}: {body[:200]!r}")


def failing():
    """Scripts that raise, and workers that die, as a request demands."""
    ways = ["raise", "mute", "quit", "thread", "orphan"]
    n = 0
    dies_at = time.monotonic() + 5
    while not over.wait(0.1):
        n += 1
        way = ways[n % len(ways)]
        if time.monotonic() > dies_at:
            dies_at = time.monotonic() + 7
            way = "exit" if n % 2 else "crash"
        try:
            with connect() as connection:
                connection.sendall(post("/invocations", json.dumps({"inputs": [n], "fail": way}).encode()))
                status, body = answer(connection)
        except OSError as error:
            count("failing scripts", f"{way}: {error}")
            continue
        dies = way in ("exit", "crash")
        expected = (502,) if dies else (200,) if way in ("thread", "orphan") else (500,)
        # Its worker may have been killed, or there may be none.
        right = status in (*expected, 502, 503)
        count("deaths" if dies else "failing scripts", None if right else f"{way}: {status}: {body[:200]!r}")


kinds = [what for what in (resets, stalls, half_closed, v2, failing) if what.__name__ in (sys.argv[5:] or what.__name__)]
threads = [threading.Thread(target=what, daemon=True) for what in kinds]
for thread in threads:
    thread.start()
sys.stdin.read()
over.set()
for thread in threads:
    thread.join(PATIENCE)
print(json.dumps({"counts": counts, "faults": faults}))
