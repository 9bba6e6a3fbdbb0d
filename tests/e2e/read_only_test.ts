/** Containers with a read-only root file system, as docs/operations.md describes. */

import assert from "node:assert/strict";
import { CAN_MOUNT } from "./support/needs.ts";
import { BIN, echo, type Sandbox, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

/** Makes all mounts read-only, with a tmpfs over the sandbox's `tmp`. */
function readOnly(box: Sandbox, tmpfs: boolean): string {
  const tmp = `mount -t tmpfs -o noexec,nosuid,nodev tmpfs '${box.path("tmp")}'`;
  return `grep -E ' (rw|relatime,rw)' /proc/self/mounts | cut -d' ' -f2 | while read -r at; do
      case $at in /proc*|/sys*|/dev) ;; *) mount -o remount,ro,bind "$at" ;; esac
    done 2> /dev/null
    mount -o remount,ro,bind / || mount --bind / /
    ${tmpfs ? tmp : ":"}
    exec "$@"`;
}

function start(box: Sandbox, args: readonly string[], tmpfs = true) {
  return box.start(["--mount", "sh", "-c", readOnly(box, tmpfs), "sh", BIN, ...args], { command: "unshare" });
}

test("a read-only root needs one writable folder, and --run-dir for the log of an archive", async (box) => {
  box.write({ "model/weights": "" });
  const module = box.module({ "serve.py": echo() }, "echo");
  const { code, stderr } = await box.run(["package", "--quiet", "--module-dir", module]);
  assert.equal(code, 0, stderr);
  const args = ["serve", "--port", "0", "--install", "never"];
  const runs: [string, string[]][] = [
    ["a module", [module, "serve.py"]],
    ["an archive", ["--run-dir", box.path("tmp"), "model.tar.gz"]],
  ];
  for (const [what, words] of runs) {
    const server = await Server.attach(start(box, [...args, ...words, box.path("model")]), true);
    assert.equal((await server.invoke("hello")).text, "hello", what);
    assert.doesNotMatch(server.log, /warning/i, what);
    await server.stop();
  }
  const warned = await Server.attach(start(box, [...args, "model.tar.gz", box.path("model")]), true);
  assert.match(warned.log, /WARNING The log '.*' can't be written: Read-only file system/);
  await warned.stop();
}, CAN_MOUNT);

test("serve and train end with a message if no folder is writable", async (box) => {
  box.write({ "model/weights": "" });
  const module = box.module({ "serve.py": echo(), "train.py": "def train(model_dir): pass\n" });
  const served = await start(box, ["serve", "--port", "0", module, "serve.py", box.path("model")], false).finished();
  assert.equal(served.code, 1, served.stderr);
  assert.match(
    served.stderr,
    /^Error: No temporary folder can be created: '[^']*\/tmp': Read-only file system .*; '\/var\/tmp': .*\. Set TMPDIR to a folder/m,
  );
  const trained = await start(box, ["train", module, "train.py", box.path("other")]).finished();
  assert.equal(trained.code, 2, trained.stderr);
  assert.match(trained.stderr, /^Error: The model directory '.*other' can't be created: Read-only file system/m);
}, CAN_MOUNT);
