"""Reads requests with h11. Each line of standard input is what a client sends, in base64; standard output says what became of each."""

import base64
import json
import sys

import h11

# As much as our server takes.
MAX_HEAD = 128 * 1024


def read(sent: bytes) -> "dict[str, object]":
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
    taken: "list[dict[str, str]]" = []
    end = "open"
    try:
        connection.receive_data(sent)
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                request = event
                body = b""
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                names = ("method", request.method), ("target", request.target), ("body", body)
                taken.append({name: bytes(value).decode("latin1") for name, value in names})
                connection.send(h11.Response(status_code=204, headers=[]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is h11.MUST_CLOSE:
                    end = "closed"
                    break
                connection.start_next_cycle()
            else:
                # More is needed.
                break
    except (h11.RemoteProtocolError, h11.LocalProtocolError):
        end = "refused"
    return {"taken": taken, "end": end}


json.dump([read(base64.b64decode(line)) for line in sys.stdin.buffer], sys.stdout)
