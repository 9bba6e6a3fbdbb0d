/** Runs the batch scripts of docs/slurm.md on a Slurm cluster of two nodes. */

import assert from "node:assert/strict";
import { until } from "../e2e/support/limits.ts";
import { imports } from "../e2e/support/needs.ts";
import { py, PYTHON, ROOT, test } from "../e2e/support/sandbox.ts";
import { HAS_SLURM } from "./support/cluster.ts";
import { haveBegun, ofJobs, outcomes, prepare, records, WAITING } from "./support/jobs.ts";

const HAS_TORCH = imports(PYTHON, "torch");

/** Adds up the ranks' numbers in the store where they meet (`light_torch/ranks.py`). */
const LIGHT = py`
  import os
  import ranks

  def train(model_dir):
      rank, size, total = ranks.add_up()
      print(f"{rank} of {size} on {os.uname().nodename}: {total:.0f}", flush=True)
      open(os.path.join(model_dir, f"done-{rank}"), "w").close()
`;
/** The same; then rank 1 fails. A test of the launcher has a rank that fails with all of PyTorch. */
const FAILING = py`
  import os
  import ranks

  def train(model_dir):
      rank, size, total = ranks.add_up()
      print(f"{rank} of {size} on {os.uname().nodename}: {total}", flush=True)
      if rank == 1:
          raise ValueError("rank one is bad")
      # Rank 0 loses its connection here.
      ranks.meet()
`;
const LIGHT_TORCH = `--export=ALL,PYTHONPATH=${ROOT}/tests/e2e/support/light_torch`;

test(
  "ranks on two nodes train together, each node with its own log and record in the shared folder",
  async (box) => {
    await using cluster = await prepare(box, { "train.py": LIGHT });
    const id = await cluster.submit(LIGHT_TORCH, "train.sbatch");
    const said = () => box.read(`train-${id}.out`);
    assert.deepEqual((await cluster.ended(id)).map(({ state }) => state), ["COMPLETED"], said());
    assert.match(said(), /^0: \[rank 0\] 0 of 2 on n1: 3$/m);
    assert.match(said(), /^1: \[rank 1\] 1 of 2 on n2: 3$/m);
    assert.deepEqual(outcomes(box), { n1: "0", n2: "0" });
    for (const [host, { log }] of Object.entries(records(box))) {
      const lines = Deno.readTextFileSync(log);
      assert.deepEqual(
        [...lines.matchAll(/ on (n\d): /g)].map(([, name]) => name),
        [host],
        "the log is this host's alone",
      );
    }
    const made = [...Deno.readDirSync(box.path("model"))].map(({ name }) => name.replace(/\.\d.*\./, ".START.")).sort();
    assert.deepEqual(made, ["done-0", "done-1", "run.START.json", "run.json"]);
  },
  HAS_SLURM,
  HAS_TORCH,
);

test(
  "a rank that fails ends the job, and the record of each host has the cause",
  async (box) => {
    await using cluster = await prepare(box, { "train.py": FAILING });
    const id = await cluster.submit(LIGHT_TORCH, "train.sbatch");
    const [job] = await cluster.ended(id);
    assert.deepEqual(job, { state: "FAILED", exitCode: "1:0" });
    const cause = "Rank 1 failed: ValueError: rank one is bad";
    assert.deepEqual(outcomes(box), { n1: `1 ${cause} (on n2)`, n2: `1 ${cause}` });
    assert.match(box.read(`train-${id}.out`), /^0: \[rank 0\] 0 of 2 on n1: 3\.0$/m, "they have met");
    assert.match(box.read(`train-${id}.out`), /^0: Error: Rank 1 failed: ValueError: rank one is bad \(on n2\)$/m);
    await until("no process is left", () => ofJobs(box).length === 0);
  },
  HAS_SLURM,
  HAS_TORCH,
);

/** Trains without a launcher, once on each of two nodes. */
const ON_BOTH = ["srun", "--nodes=2", "--kill-on-bad-exit=1", "aimodellib", "train"];

test("without a launcher, --kill-on-bad-exit stops the other host, whose record says so", async (box) => {
  await using cluster = await prepare(box, { "train.py": WAITING });
  const { code, stderr } = await cluster.run(...ON_BOTH, "model.tar.gz", "model", "fail");
  assert.notEqual(code, 0, stderr);
  assert.deepEqual(outcomes(box), {
    n1: "143 Training was stopped by SIGTERM",
    n2: "1 Training raised ValueError: n2 is bad",
  });
  assert.equal(box.read("model/n1.saved"), "saved\n");
  // srun ends with the program that it has started, a moment before the keeper of that program's processes.
  await until("no process is left", () => ofJobs(box).length === 0);
}, HAS_SLURM);

test("scancel interrupts each script once, and leaves no process", async (box) => {
  await using cluster = await prepare(box, { "train.py": WAITING });
  box.write({
    "both.sbatch": `#!/bin/bash\n#SBATCH --nodes=2 --ntasks-per-node=1\n${ON_BOTH.join(" ")} model.tar.gz model stop\n`,
  });
  const id = await cluster.submit("both.sbatch");
  await haveBegun(box, "n1", "n2");
  assert.equal((await cluster.run("scancel", id)).code, 0);
  assert.deepEqual((await cluster.ended(id)).map(({ state }) => state), ["CANCELLED"]);
  const stopped = "143 Training was stopped by SIGTERM";
  await until("no process is left", () => ofJobs(box).length === 0);
  assert.deepEqual(outcomes(box), { n1: stopped, n2: stopped });
  assert.deepEqual([box.read("model/n1.saved"), box.read("model/n2.saved")], ["saved\n", "saved\n"]);
}, HAS_SLURM);

test("a --stop-timeout below KillWait gives a script that stays its end; else Slurm kills all", async (box) => {
  await using cluster = await prepare(box, { "train.py": WAITING });
  // KillWait is 4 s here.
  for (
    const [timeout, outcome] of [["1", "143 Training was killed: it did not end within 1 s of SIGTERM"], [
      "60",
      "undefined",
    ]]
  ) {
    await Promise.all(
      ["logs", "model"].map((name) => Deno.remove(box.path(name), { recursive: true }).catch(() => {})),
    );
    Deno.mkdirSync(box.path("model"));
    const words = ["train", "--stop-timeout", timeout!, "model.tar.gz", "model", "stay"];
    const id = await cluster.submit("--wrap", `srun aimodellib ${words.join(" ")}`);
    await haveBegun(box, "n1");
    await cluster.run("scancel", id);
    await cluster.ended(id);
    await until("no process is left", () => ofJobs(box).length === 0);
    assert.deepEqual(outcomes(box), { n1: outcome });
  }
}, HAS_SLURM);

test("the outputs of an array are complete together, also if a task is requeued", async (box) => {
  const slow = py`
    import os, time
    def predict(data, model):
        if data["id"] == 21 and not os.path.exists(MODEL + "/go"):
            open(MODEL + "/at-21", "w").close()
            time.sleep(600)
        return {"seen": data["id"]}
  `;
  const script = py`
    import json
    MODEL = ""
    def load(model_dir):
        global MODEL
        MODEL = model_dir
    def deserialize(data, content_type): return json.loads(data)
    def serialize(data, accept): return json.dumps(data).encode(), "application/json"
  `;
  await using cluster = await prepare(box, { "serve.py": `${script}\n${slow}` });
  const ids = Array.from({ length: 40 }, (_, i) => i);
  box.write({ "records.jsonl": ids.map((id) => `${JSON.stringify({ id })}\n`).join("") });
  const job = await cluster.submit("predict.sbatch");
  // Task 1 has predicted 1, 5, 9, 13 and 17.
  await until(
    "a task is half done",
    () => [...Deno.readDirSync(box.path("model"))].some(({ name }) => name === "at-21"),
  );
  assert.equal((await cluster.run("scontrol", "requeue", `${job}_1`)).code, 0);
  box.write({ "model/go": "" });
  const tasks = await cluster.ended(job);
  assert.deepEqual(tasks.map(({ state }) => state), Array(4).fill("COMPLETED"), cluster.log);
  const shards = ids.slice(0, 4).map((shard) => box.read(`answers/${shard}.jsonl`).trim().split("\n"));
  const merged = ids.map((id) => shards[id % 4]![Math.floor(id / 4)]);
  assert.deepEqual(merged, ids.map((id) => `{"seen":${id}}`));
  assert.deepEqual(shards.map((lines) => lines.length), [10, 10, 10, 10]);
}, HAS_SLURM);
