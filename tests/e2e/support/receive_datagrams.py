"""Prints each datagram that a Unix socket receives as a line of JSON. The argument is a path, or an abstract name after an @."""

import json
import socket
import sys

name = sys.argv[1]
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
    receiver.bind("\0" + name[1:] if name.startswith("@") else name)
    print(json.dumps("bound"), flush=True)
    while True:
        print(json.dumps(receiver.recv(4096).decode()), flush=True)
