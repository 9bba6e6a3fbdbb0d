/** Standard streams that another process has made non-blocking: a full pipe loses and repeats nothing, and an empty one is waited for. */

import assert from "node:assert/strict";
import { BIN, echo, py, PYTHON, type Sandbox, test } from "./support/sandbox.ts";

/** Runs a command with pipes that do not block, gives it input late, and reads its output only when it stops writing. */
const PARENT = py`
  import fcntl, os, subprocess, sys, termios, time

  def pipe(end):
      ends = os.pipe()
      fcntl.fcntl(ends[end], fcntl.F_SETFL, fcntl.fcntl(ends[end], fcntl.F_GETFL) | os.O_NONBLOCK)
      return ends

  def waiting(fd):
      return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)

  text, *command = sys.argv[1:]
  (stdin, feed), (output, stdout) = pipe(0), pipe(1)
  child = subprocess.Popen(command, stdin=stdin, stdout=stdout)
  os.close(stdin)
  os.close(stdout)
  if text:
      time.sleep(1)
      os.write(feed, text.encode())
  os.close(feed)
  before = 0
  while child.poll() is None and (before == 0 or waiting(output) != before):
      before = waiting(output)
      time.sleep(0.3)
  with os.fdopen(output, "rb") as file:
      sys.stdout.buffer.write(file.read())
  sys.exit(child.wait())
`;

async function run(box: Sandbox, args: readonly string[], text = ""): Promise<string> {
  const { code, stdout, stderr } = await box.run(["-c", PARENT, text, BIN, ...args], { command: PYTHON });
  assert.equal(code, 0, stderr);
  return stdout;
}

test("predict writes all answers to a full pipe that does not block, and waits for records from another", async (box) => {
  box.module({ "serve.py": echo() }, "m");
  Deno.mkdirSync(box.path("model"));
  const lines = Array.from({ length: 5_000 }, (_, i) => `"${String(i).padEnd(50)}"\n`).join("");
  box.write({ "in.jsonl": lines });
  const words = ["predict", "m", "serve.py", "model"];
  assert.equal(await run(box, [...words, "in.jsonl"]), lines);
  assert.equal(await run(box, words, "1\n2\n"), "1\n2\n");
});

test("what a script prints arrives as a whole in a pipe that does not block, with a log and without one", async (box) => {
  box.module(
    {
      "train.py": py`
        def train(model_dir):
            for i in range(5_000):
                print(str(i).zfill(50))
      `,
    },
    "m",
  );
  const lines = Array.from({ length: 5_000 }, (_, i) => `${String(i).padStart(50, "0")}\n`).join("");
  for (const options of [[], ["--log-dir", "logs"]]) {
    assert.equal(await run(box, ["train", ...options, "m", "train.py", "model"]), lines);
  }
});

test("a command writes nothing twice to a full pipe that does not block", async (box) => {
  box.write(Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`m/${String(i).padStart(60, "0")}`, ""])));
  box.module({ "serve.py": echo() }, "m");
  assert.equal((await box.run(["package", "-m", "m", "-o", "m.tar.gz"])).code, 0);
  const args = ["inspect", "--json", "m.tar.gz"];
  assert.equal(await run(box, args), (await box.run(args)).stdout);
});
