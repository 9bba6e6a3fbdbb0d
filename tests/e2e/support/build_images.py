"""Builds images with buildah and runs them: build_images.py BASE.tar CONTEXT..., in namespaces that end with it, without a network.

Each CONTEXT is a folder with a Dockerfile, which builds on localhost/base. For each, what the image answers is printed.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

URL = "http://127.0.0.1:8080"
STORE = ["--root", os.path.abspath("store"), "--runroot", os.path.abspath("run"), "--storage-driver", "vfs"]
ALONE = ["--isolation", "chroot", "--network", "host"]


def buildah(command, *arguments):
    """Return what it prints on standard output; on standard error is what building says."""
    result = subprocess.run(["buildah", *STORE, command, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return result.stdout.strip()


def start(container, words):
    return subprocess.Popen(["buildah", *STORE, "run", *ALONE, container, "--", *words], stdout=sys.stderr)


def processes():
    """The processes of the server, which buildah does not end."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
            # With a full path: buildah itself names it as well, behind its own name.
            if words[0].endswith(b"/aimodellib") and words[1] == b"serve":
                yield int(name)
        except OSError:
            pass


def serve(container, config):
    server = start(container, config["Entrypoint"] + config["Cmd"])
    test = config["Healthcheck"]["Test"]
    assert test[0] == "CMD", test
    while start(container, test[1:]).wait() != 0:
        if server.poll() is not None:
            sys.exit(f"The server ended with {server.returncode}")
        time.sleep(0.2)
    print("healthy")
    print(urllib.request.urlopen(f"{URL}/invocations", b"Hello").read().decode())
    metrics = urllib.request.urlopen(f"{URL}/metrics").read().decode()
    print(*[line for line in metrics.splitlines() if line.startswith("aimodellib_model_info")], flush=True)
    for pid in processes():
        os.kill(pid, signal.SIGTERM)
    print("exit code", server.wait(), flush=True)


subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
base, *contexts = sys.argv[1:]
empty = buildah("from", "scratch")
buildah("add", "--quiet", empty, base, "/")
buildah("commit", "--quiet", "--rm", empty, "localhost/base")
for context in contexts:
    buildah("bud", *ALONE, "--pull-never", "--format", "docker", "--tag", "image", context)
    container = buildah("from", "--pull-never", "localhost/image")
    serve(container, json.loads(buildah("inspect", container))["Docker"]["config"])
    buildah("rm", container)
