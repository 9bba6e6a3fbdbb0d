"""Builds images with buildah and runs them, in namespaces that end with it, without a network.

build_images.py BASE.tar AIMODELLIB ARCHIVE OTHER_MODEL CONTEXT...

Each CONTEXT is a folder with a Dockerfile, which builds on localhost/base. For each, what the image answers is printed. Then AIMODELLIB
writes images for ARCHIVE, and for OTHER_MODEL, which is the same but for its model; they are compared, checked, served and trained.
"""

import filecmp
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import urllib.request

URL = "http://127.0.0.1:8080"


def storage_driver():
    """The driver overlay, where this folder can be the upper one of an overlay; else vfs, which copies all files for each layer."""
    folders = [f"try/{name}" for name in ("lower", "upper", "work", "merged")]
    for folder in folders:
        os.makedirs(folder)
    lower, upper, work, merged = folders
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    mounted = subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", merged], stderr=subprocess.DEVNULL)
    if mounted.returncode != 0:
        return "vfs"
    subprocess.run(["umount", merged], check=True)
    return "overlay"


DRIVER = storage_driver()
STORE = ["--root", os.path.abspath("store"), "--runroot", os.path.abspath("run"), "--storage-driver", DRIVER]
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


def image(source, output, *options):
    command = [aimodellib, "image", "--base", "layout", "--json", *options, "-o", output, source]
    shown = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return {layer["what"]: layer["digest"] for layer in json.loads(shown)["image"]["layers"]}


def config_of(path):
    """The configuration of the image in an archive, whose documents must have their digests as names."""
    with tarfile.open(path) as tar:
        def read(name):
            return json.loads(tar.extractfile(name).read())

        def blob(descriptor):
            return read("blobs/" + descriptor["digest"].replace(":", "/"))

        return blob(blob(read("index.json")["manifests"][0])["config"])["config"]


def check_with_others(path):
    """Have skopeo compare all digests, and umoci unpack all layers."""
    subprocess.run(["skopeo", "copy", "--quiet", f"oci-archive:{path}", "oci:copied:x"], check=True)
    subprocess.run(["umoci", "unpack", "--image", "copied:x", "unpacked"], check=True, stdout=sys.stderr)
    assert os.stat("unpacked/rootfs/home/app").st_uid == 10001
    shutil.rmtree("unpacked")


subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
base, aimodellib, archive, other_model, *contexts = sys.argv[1:]
empty = buildah("from", "scratch")
buildah("add", "--quiet", empty, base, "/")
buildah("commit", "--quiet", "--rm", empty, "localhost/base")
for context in contexts:
    buildah("bud", *ALONE, "--pull-never", "--format", "docker", "--tag", "image", context)
    container = buildah("from", "--pull-never", "localhost/image")
    serve(container, json.loads(buildah("inspect", container))["Docker"]["config"])
    buildah("rm", container)

buildah("push", "--quiet", "--compression-level", "1", "localhost/base", "oci:layout:base")
image(archive, "image.tar")
# Images that are only compared have a small program in place of the executable, whose compression takes seconds.
small = ["--executable", "/bin/true"]
layers, _ = image(archive, "one.tar", *small), image(archive, "two.tar", *small)
others = image(other_model, "other.tar", *small)
print("same bytes:", filecmp.cmp("one.tar", "two.tar", shallow=False))
print("changed layers:", *[what for what in layers if layers[what] != others[what]], flush=True)
check_with_others("one.tar")
container = buildah("from", "--pull-never", "oci-archive:image.tar")
config = config_of("image.tar")
serve(container, config)
train = start(container, [*config["Entrypoint"], "train", "--install", "never", "/srv/archive", "/srv/model"])
print("trained:", train.wait())
with open(buildah("mount", container) + "/srv/model/name") as file:
    print(file.read())
buildah("umount", container)
