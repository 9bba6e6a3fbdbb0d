/**
 * Distributed training with PyTorch's own launcher. `WHOLE` has ranks with all of PyTorch, as the test of Accelerate does; to import it,
 * a rank needs 2 s of processor time.
 */

import assert from "node:assert/strict";
import { sleep, until } from "./support/limits.ts";
import { CAN_CABLE, imports } from "./support/needs.ts";
import { BIN, py, PYTHON, ROOT, type Sandbox, test } from "./support/sandbox.ts";

const HAS_TORCH = imports(PYTHON, "torch");

/** Adds up the ranks' numbers, then does what its arguments say. */
const TRAIN = py`
  import glob, os, sys, time
  import ranks

  def train(model_dir, *args, tensor_board_enabled=False, logger=None):
      rank, size, total = ranks.add_up()
      print(f"{rank} of {size}: {total} {args} {tensor_board_enabled} {sys.argv[1:]}")
      open(os.path.join(model_dir, f"begun-{rank}"), "w").close()
      logger.log(f"logged by {rank}, {len(glob.glob(os.environ['TMPDIR'] + '/aimodellib-*'))} folders in TMPDIR")
      if rank == 1 and "raise" in args:
          raise ValueError("rank one is bad")
      if rank == 1 and "exit" in args:
          sys.exit(7)
      if "wait" in args or "exit" in args:
          time.sleep(600)
      if args:
          ranks.meet()
      open(os.path.join(model_dir, f"done-{rank}"), "w").close()
      ranks.leave()
`;

/** Adds up with PyTorch. */
const RANKS = py`
  import torch
  import torch.distributed as dist

  def add_up():
      dist.init_process_group("gloo")
      total = torch.tensor([dist.get_rank() + 1.0])
      dist.all_reduce(total)
      return dist.get_rank(), dist.get_world_size(), total.item()

  # A rank that waits for one that has failed loses its connection.
  meet = dist.barrier
  leave = dist.destroy_process_group
`;

/** The files of a module, and the variables of its run: with all of PyTorch in the ranks, or with torchrun alone, whose `ranks` are in `light_torch`. */
const WHOLE = {
  files: { "train.py": TRAIN, "ranks.py": RANKS },
  env: { PYTHONPATH: `${ROOT}/tests/e2e/support/light_launcher` },
};
const LIGHT = {
  files: { "train.py": TRAIN },
  env: { PYTHONPATH: `${ROOT}/tests/e2e/support/light_torch` },
};
type Kind = typeof WHOLE | typeof LIGHT;

/** Two processes on this host. */
const TWO = ["--launcher", "torchrun", "--nproc-per-node", "2"];

/** The files in a folder of the sandbox. */
function names(box: Sandbox, folder: string): string[] {
  return [...Deno.readDirSync(box.path(folder))].map(({ name }) => name);
}

function command(box: Sandbox, { files }: Kind, ...words: string[]): string[] {
  return ["train", ...TWO, box.module(files), "train.py", "model", ...words];
}

test("train --launcher torchrun runs train in each rank, and tags the output of each rank", async (box) => {
  Deno.mkdirSync(box.path("shared"));
  Deno.chmodSync(box.path("shared"), 0o777);
  const { code, stdout, stderr } = await box.run(command(box, LIGHT), {
    env: { ...LIGHT.env, TMPDIR: box.path("shared") },
  });
  assert.equal(code, 0, stderr);
  assert.deepEqual(stdout.trim().split("\n").sort(), [
    "[rank 0] 0 of 2: 3.0 () False []",
    "[rank 0] logged by 0, 0 folders in TMPDIR",
    "[rank 1] 1 of 2: 3.0 () False []",
    "[rank 1] logged by 1, 0 folders in TMPDIR",
  ]);
  assert.deepEqual([...names(box, "model")].sort(), ["begun-0", "begun-1", "done-0", "done-1", "run.json"]);
}, HAS_TORCH);

for (
  const [how, reason, kind] of [
    ["raise", "ValueError: rank one is bad", WHOLE],
    ["exit", "it ended with exit code 7", LIGHT],
  ] as const
) {
  test(`a rank that fails (${how}) ends the other one, and the run reports why`, async (box) => {
    const { code, stdout, stderr } = await box.run(command(box, kind, how), kind);
    assert.equal(code, 1);
    assert.ok(stdout.includes(`[rank 0] 0 of 2: 3.0 ('${how}',) False ['${how}']`), stdout);
    assert.match(stderr, new RegExp(`^Error: Rank 1 failed: ${reason}$`, "m"));
    if (how === "raise") {
      const traceback = stderr.split("\n").filter((line) => line.startsWith("[rank 1] "));
      const begin = traceback.indexOf("[rank 1] Traceback (most recent call last):");
      assert.match(traceback[begin + 1] ?? "", /train\.py", line 10, in train$/, "our own frames are left out");
      // PyTorch's threads may crash at the end of a process that did not leave its group.
      assert.equal(traceback[begin + 3], "[rank 1] ValueError: rank one is bad");
    }
  }, HAS_TORCH);
}

for (const [name, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  test(`${name} ends all ranks`, async (box) => {
    const program = box.start(command(box, LIGHT, "wait"), LIGHT);
    await program.stdout.waitFor(/logged by 0/);
    await program.stdout.waitFor(/logged by 1/);
    program.kill(name);
    const finished = await program.finished();
    assert.equal(finished.code, code);
    assert.match(finished.stderr, new RegExp(`Error: Training was stopped by ${name}\n$`));
  }, HAS_TORCH);
}

test(
  "a rank that is killed determines the outcome even if SIGTERM arrives while torchrun ends the others",
  async (box) => {
    const script = py`
    import os, signal, time
    def train(model_dir):
        if os.environ["RANK"] == "0":
            # It takes its time to end.
            signal.signal(signal.SIGTERM, lambda *_: print("ending", flush=True))
            open(model_dir + "/ready", "w").close()
            while not os.path.exists(model_dir + "/go"): time.sleep(0.02)
            return
        while not os.path.exists(model_dir + "/ready"): time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGKILL)
  `;
    const words = ["train", ...TWO, box.module({ "train.py": script }), "train.py", "model"];
    const program = box.start(words, LIGHT);
    await program.stdout.waitFor(/^\[rank 0\] ending$/);
    program.kill("SIGTERM");
    await sleep(500);
    box.write({ "model/go": "" });
    const { code, stderr } = await program.finished();
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^Error: Rank 1 failed: it was ended by SIGKILL\n$/m);
  },
  HAS_TORCH,
);

test("no rank is left running when the program is killed", async (box) => {
  const program = box.start(command(box, LIGHT, "wait"), LIGHT);
  await program.stdout.waitFor(/logged by 1/);
  program.kill("SIGKILL");
  await program.finished();
  await until("all processes have ended", () => box.processes().length === 0);
  // It had no chance to remove them.
  for (const name of box.leftovers()) Deno.removeSync(box.path(`tmp/${name}`), { recursive: true });
}, HAS_TORCH);

test("errors name a faulty script, and a Python without PyTorch", async (box) => {
  const without = box.module({ "train.py": "def trian(model_dir): pass" });
  const fault = await box.run(["train", ...TWO, without, "train.py", "model"], LIGHT);
  assert.equal(fault.code, 1);
  assert.match(fault.stderr, /^\[rank [01]\] '.*train\.py' must define train\(\); line 1 defines trian\(\)/m);
  assert.match(
    fault.stderr,
    /^Error: Rank [01] failed: '.*train\.py' must define train\(\); line 1 defines trian\(\)/m,
  );
  const made = await box.run(["-m", "venv", "--without-pip", "venv"], { command: PYTHON });
  assert.equal(made.code, 0, made.stderr);
  const bare = await box.run(command(box, WHOLE), { env: { AIMODELLIB_PYTHON: box.path("venv/bin/python") } });
  assert.equal(bare.code, 1);
  assert.match(bare.stderr, /^Error: torchrun comes with PyTorch, which can't be imported by '.*venv\/bin\/python'/);
}, HAS_TORCH);

test("the progress bar of a rank stays on one line, and lines of other ranks are not mixed with it", async (box) => {
  const script = py`
    import os, sys, time

    def train(model_dir):
        rank = os.environ["RANK"]
        bar = sys.stderr
        for i in range(101):
            bar.write(f"\r{i:3}%")
            bar.flush()
            if i % 25 == 0:
                print("at", i, flush=True)
            time.sleep(0.005)
        bar.write("\n")
        os.write(1, b"a line in ")
        time.sleep(0.02)
        os.write(1, b"two pieces, and no end")
  `;
  const words = ["train", ...TWO, box.module({ "train.py": script }), "train.py", "model"];
  const { code, stdout, stderr } = await box.run(words, LIGHT);
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    stdout.trim().split("\n").sort(),
    ["0", "1"].flatMap((rank) =>
      [...[0, 100, 25, 50, 75].map((i) => `at ${i}`), "a line in two pieces, and no end"].map((line) =>
        `[rank ${rank}] ${line}`
      ).sort()
    ),
  );
  const lines = stderr.split("\n").filter((line) => line.includes("[rank"));
  // What a terminal shows in the end: no more lines than two bars that gave way to each other a few times.
  const seen = lines.map((line) => line.split("\r").at(-1)!.trimEnd());
  for (const line of seen) assert.match(line, /^\[rank [01]\] +\d+%$/, stderr);
  for (const rank of [0, 1]) assert.ok(seen.includes(`[rank ${rank}] 100%`), stderr);
  assert.ok(lines.length < 20, stderr);
}, HAS_TORCH);

/** The same command on two hosts, each with one rank, which meet at host-a. */
function onTwoHosts(box: Sandbox, kind: Kind, ...words: string[]) {
  return runOnTwoHosts(
    box,
    kind,
    "",
    "--launcher torchrun --nnodes 2 --rdzv-endpoint host-a:29500 --rdzv-id run",
    words,
  );
}

/** The same with the variables that a Kubeflow TrainJob sets. */
function inTrainJob(box: Sandbox, kind: Kind, ...words: string[]) {
  const variables = "PET_NNODES=2 PET_NODE_RANK=$HOST_RANK PET_NPROC_PER_NODE=1 PET_MASTER_ADDR=host-a " +
    "PET_MASTER_PORT=29400";
  return runOnTwoHosts(box, kind, variables, "--launcher torchrun", words);
}

async function runOnTwoHosts(box: Sandbox, { files, env }: Kind, variables: string, options: string, words: string[]) {
  const module = box.module(files);
  const shell = `export HOST_RANK ${variables}; exec "$0" train ${options} "$1" train.py "model-$HOST_RANK" ` +
    words.join(" ");
  return await box.run(
    [...ISOLATED, "sh", `${ROOT}/tests/e2e/support/two_hosts.sh`, "sh", "-c", shell, BIN, module],
    { command: "unshare", env: { ...env, PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" } },
  );
}

/** The same by the files of SageMaker, on which the hosts have the words as a hyperparameter. */
async function onSageMaker(box: Sandbox, { files, env }: Kind, ...words: string[]) {
  const hosts = ["host-a", "host-b"];
  for (const [rank, current_host] of hosts.entries()) {
    const parameters = { sagemaker_torch_distributed_enabled: "true", ...(words.length > 0 && { how: words.join() }) };
    const config = { "hyperparameters.json": parameters, "resourceconfig.json": { current_host, hosts } };
    for (const [name, value] of Object.entries(config)) {
      box.write({ [`ml-${rank}/input/config/${name}`]: JSON.stringify(value) });
    }
    for (const [name, text] of Object.entries(files)) box.write({ [`ml-${rank}/code/${name}`]: text });
  }
  return await box.run(
    [...ISOLATED, "sh", `${ROOT}/tests/e2e/support/two_hosts.sh`, "sh", "-c", SAGEMAKER_TRAIN, BIN],
    { command: "unshare", env: { ...env, PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" } },
  );
}

const ISOLATED = ["--net", "--mount", "--uts", "--fork", "--kill-child"];
const SAGEMAKER_TRAIN = 'export SAGEMAKER_BASE_DIR="$PWD/ml-$HOST_RANK"; exec "$0" train';

test(
  "two hosts of SageMaker train together, and each writes the cause of a failure",
  async (box) => {
    const { code, stdout, stderr } = await onSageMaker(box, LIGHT, "raise");
    assert.notEqual(code, 0);
    assert.equal([...stdout.matchAll(/\[rank (\d)\] \1 of 2: 3\.0/g)].length, 2, stdout + stderr);
    for (const rank of [0, 1]) {
      const files = names(box, `ml-${rank}/model`).filter((name) => name !== "run.json");
      assert.deepEqual(files, [`begun-${rank}`], "each host has its own model directory");
      assert.match(box.read(`ml-${rank}/output/failure`), /^Rank 1 failed: ValueError: rank one is bad/);
    }
  },
  HAS_TORCH,
  CAN_CABLE,
);

/** Checks that each of two hosts had a rank, and that each made the record of its run in its own model directory. */
function checkTwoHosts(box: Sandbox, stdout: string): void {
  const ranks = /^(host-b: )?\[rank (\d)\] \2 of 2: 3\.0/gm;
  const seen = [...stdout.matchAll(ranks)].map(([, host = "host-a: "]) => host).sort();
  assert.deepEqual(seen, ["host-a: ", "host-b: "], stdout);
  const records = ["model-0", "model-1"].map((name) => JSON.parse(box.read(`${name}/run.json`)).host.name);
  assert.deepEqual(records, ["host-a", "host-b"], "each record names its host");
}

test(
  "train --launcher torchrun joins two hosts by options",
  async (box) => {
    const { code, stdout, stderr } = await onTwoHosts(box, LIGHT);
    assert.equal(code, 0, stdout + stderr);
    checkTwoHosts(box, stdout);
    const made = ["model-0", "model-1"].flatMap((folder) => names(box, folder)).filter((name) =>
      name.startsWith("done")
    );
    assert.deepEqual(made.sort(), ["done-0", "done-1"]);
  },
  HAS_TORCH,
  CAN_CABLE,
);

for (const [how, start] of [["options", onTwoHosts], ["PET_ variables", inTrainJob]] as const) {
  test(
    `a rank that fails on one of two hosts joined by ${how} ends those of the other host, which reports why`,
    async (box) => {
      const { stdout, stderr } = await start(box, LIGHT, "raise");
      checkTwoHosts(box, stdout);
      const errors = `${stdout}\n${stderr}`.split("\n").filter((line) => /^(host-b: )?Error: /.test(line)).sort();
      assert.equal(errors.length, 2, stdout + stderr);
      for (const error of errors) assert.match(error, /Error: Rank 1 failed: ValueError: rank one is bad/);
      assert.equal(errors.filter((error) => / \(on host-[ab]\)$/.test(error)).length, 1);
    },
    HAS_TORCH,
    CAN_CABLE,
  );
}
