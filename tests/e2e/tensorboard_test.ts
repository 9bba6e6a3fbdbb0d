/** TensorBoard beside a training run, with the real package and real event files. */

import assert from "node:assert/strict";
import { LONG, until } from "./support/limits.ts";
import { imports } from "./support/needs.ts";
import { py, PYTHON, type Sandbox, test } from "./support/sandbox.ts";

const HAS_TENSORBOARD = imports(PYTHON, "tensorboard");

/** Writes an event file with TensorBoard's own writer, and waits for a file before it ends. */
const TRAIN = py`
  import os, time
  from tensorboard.compat.proto.event_pb2 import Event
  from tensorboard.compat.proto.summary_pb2 import Summary
  from tensorboard.summary.writer.event_file_writer import EventFileWriter

  def train(model_dir, tensor_board_enabled=False, tensor_board_dir="", logger=None):
      print("enabled", tensor_board_enabled)
      writer = EventFileWriter(tensor_board_dir)
      for step in range(3):
          value = Summary.Value(tag="loss", simple_value=1 / (step + 1))
          writer.add_event(Event(step=step, wall_time=time.time(), summary=Summary(value=[value])))
      writer.close()
      print("written")
      while not os.path.exists(os.path.join(model_dir, "end")):
          time.sleep(0.05)
`;

/** Returns a port that is free now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Returns the values of `loss` from TensorBoard's HTTP API. */
async function scalars(port: number): Promise<number[]> {
  const url = `http://127.0.0.1:${port}/data/plugin/scalars/scalars?run=.&tag=loss`;
  try {
    const response = await fetch(url);
    const body = await response.text();
    return response.ok ? JSON.parse(body).map(([, , value]: number[]) => value) : [];
  } catch {
    return [];
  }
}

function archive(box: Sandbox, train = TRAIN): void {
  box.write({
    "m/train.py": train,
    "m/manifest.json": `{"trainingScript": "train.py", "enableTensorboard": true, "tensorboardDirectory": "tb"}`,
  });
}

test("train starts TensorBoard if the manifest enables it, restarts it, and ends it", async (box) => {
  archive(box);
  const port = freePort();
  const program = box.start(["train", "m", "model"], { env: { TB_PORT: String(port) } });
  await program.stderr.waitFor(new RegExp(`^TensorBoard: http://127.0.0.1:${port}/$`));
  await program.stdout.waitFor(/^enabled True$/);
  await program.stdout.waitFor(/^written$/);
  await until("TensorBoard gives what was written", async () => (await scalars(port)).length === 3);
  assert.deepEqual((await scalars(port)).map((value) => value.toFixed(3)), ["1.000", "0.500", "0.333"]);
  const boards = () => box.processes().filter(({ command }) => command.includes("tensorboard --logdir"));
  const [board] = boards();
  Deno.kill(board!.pid, "SIGKILL");
  await program.stderr.waitFor(/^TensorBoard ended with signal SIGKILL; restarting it$/);
  await until("it is up again", async () => (await scalars(port)).length === 3, LONG);
  box.write({ "model/end": "" });
  const { code } = await program.finished();
  assert.equal(code, 0);
  assert.deepEqual(boards(), []);
}, HAS_TENSORBOARD);

test("TensorBoard stays after training with --keep-tensorboard, until Ctrl+C", async (box) => {
  const module = box.module({ "train.py": TRAIN });
  const port = freePort();
  const words = ["--enable-tensorboard", "--keep-tensorboard", module, "train.py", "model"];
  const program = box.start(["train", ...words], { env: { TB_PORT: String(port) } });
  await program.stderr.waitFor(/^TensorBoard: http/);
  box.write({ "model/end": "" });
  await program.stderr.waitFor(/^Training has ended; TensorBoard stays at http:\/\/127.0.0.1:\d+\/ until Ctrl\+C$/);
  assert.equal((await scalars(port)).length, 3);
  program.kill("SIGINT");
  assert.equal((await program.finished()).code, 0);
}, HAS_TENSORBOARD);

test("TensorBoard ends when aimodellib is killed", async (box) => {
  archive(box);
  const program = box.start(["train", "m", "model"], { env: { TB_PORT: String(freePort()) } });
  await program.stderr.waitFor(/^TensorBoard: http/);
  program.kill("SIGKILL");
  await until("no process is left", () => box.processes().length === 0);
}, HAS_TENSORBOARD);

test("training continues without TensorBoard when its port is in use or it is not installed", async (box) => {
  archive(box, "def train(d, tensor_board_enabled): print(tensor_board_enabled)\n");
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const env = { TB_PORT: String(taken.addr.port) };
  const first = await box.run(["train", "m", "model"], { env });
  assert.deepEqual([first.code, first.stdout], [0, "True\n"]);
  assert.equal(
    first.stderr,
    `TensorBoard was not started: port ${taken.addr.port} of 127.0.0.1 is in use; set TB_PORT to a free port\n`,
  );
  assert.equal((await box.run(["-m", "venv", "--without-pip", "venv"], { command: PYTHON })).code, 0);
  archive(box, "import time\ndef train(d): time.sleep(2)\n");
  const second = await box.run(["train", "--python", box.path("venv/bin/python"), "m", "model"], {
    env: { TB_PORT: String(freePort()) },
  });
  assert.equal(second.code, 0);
  assert.match(
    second.stderr,
    /^TensorBoard was not started: it is not installed for '.*' \(pip install tensorboard\)\n$/,
  );
  const wrong = await box.run(["train", "m", "model"], { env: { TB_PORT: "http" } });
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /TB_PORT must be a port from 1 to 65535, not 'http'/);
});
