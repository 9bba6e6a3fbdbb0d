"""The worker's end of the protocol between the aimodellib executable and a Python process.

Not an API: the executable starts ``__main__.py`` by its path. The protocol is defined in docs/protocol.md.
"""
