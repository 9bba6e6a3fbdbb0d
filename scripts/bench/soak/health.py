"""Asks servers for their health five times a second, each time on a new connection, and prints what the worst answer took.

Usage: health.py PORT [PORT...]; it ends with its standard input. A process of its own, so that what loads the servers does not hold it up.
"""

import json
import socket
import sys
import threading
import time

PAUSE, LIMIT = 0.2, 1.0

# A port alone, or a port of TLS as `PORT/tls`.
worst = {}
late = []
asked = 0
over = threading.Event()


def ask(name, path):
    global asked
    port, _, tls = name.partition("/")
    began = time.monotonic()
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as connection:
            if tls:
                import ssl

                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                connection = context.wrap_socket(connection)
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            while True:
                piece = connection.recv(65536)
                if not piece:
                    break
                answer += piece
            connection.close()
    except OSError as error:
        answer = str(error).encode()
    took = time.monotonic() - began
    asked += 1
    worst[name] = max(worst.get(name, 0), took)
    # Readiness may be denied while workers are replaced, but not be silent.
    right = answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 503") if path == "/health/ready" else b"HTTP/1.1 200")
    if (took > LIMIT or not right) and len(late) < 5:
        late.append(f"{path} of {name} after {took:.2f} s: {answer[:100].decode('latin-1')!r}")


def watch(name):
    while not over.is_set():
        for path in ("/health/live", "/health/ready"):
            ask(name, path)
        over.wait(PAUSE)


threads = [threading.Thread(target=watch, args=(name,), daemon=True) for name in sys.argv[1:]]
for thread in threads:
    thread.start()
sys.stdin.read()
over.set()
for thread in threads:
    thread.join()
print(json.dumps({"asked": asked, "worst_s": max(worst.values(), default=0), "faults": late}))
