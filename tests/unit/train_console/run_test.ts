import assert from "node:assert/strict";
import { MAX_PAGES, TrainRun } from "../../../src/train_console/run.ts";
import { gpusIn } from "../../../src/recent/gpus.ts";
import { ProcessTree } from "../../../src/train_console/processes.ts";

const FACTS = {
  version: "0",
  now: 0,
  started: 0,
  name: "m",
  module: "/m",
  script: "train.py",
  modelDir: "/out",
  args: [],
  folders: [],
};

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("TrainRun tells a page that is opened late what was before, and ends its stream after the outcome", async () => {
  using run = new TrainRun(FACTS);
  run.log(bytes("one\n[ERROR] two\n\x1b[31mWARNING:root:three\x1b[0m\nlast"));
  run.scalars(bytes('[["loss", 1, 0.5, 2]]'));
  const stream = new Response(run.follow()).text();
  await run.end(3, "no more");
  const events = (await stream).trim().split("\n\n").map((event) => {
    const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event)!;
    return [name, JSON.parse(data!)];
  });
  assert.deepEqual(events.map(([name]) => name), ["hello", "state", "curve", "log", "ended"]);
  const lines = events[3]![1].lines.map(({ level, text }: Record<string, string>) => [level, text]);
  assert.deepEqual(lines, [["info", "one"], ["error", "[ERROR] two"], ["warning", "WARNING:root:three"], [
    "info",
    "last",
  ]]);
  const { t: _, ...ended } = events[4]![1];
  assert.deepEqual(ended, { code: 3, message: "no more" });
});

Deno.test("TrainRun limits the number of pages, and forgets those that are closed", async () => {
  using run = new TrainRun(FACTS);
  const streams = Array.from({ length: MAX_PAGES }, () => run.follow());
  assert.equal(run.follow(), undefined);
  await streams[0]!.cancel();
  const another = run.follow();
  assert.ok(another !== undefined);
  for (const stream of [...streams.slice(1), another]) await stream!.cancel();
  assert.equal(run.isWatched, false);
});

Deno.test("ProcessTree.read() adds up a process and its descendants", async () => {
  await using child = new Deno.Command("sh", {
    args: ["-c", "sleep 60 & echo $!; wait"],
    stdout: "piped",
    stdin: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const tree = new ProcessTree();
  const { processes, memory } = tree.read(child.pid);
  assert.equal(processes, 2);
  assert.ok(memory > 0);
  assert.equal(typeof tree.read(child.pid).cpu, "number");
  Deno.kill(Number(new TextDecoder().decode(value)), "SIGTERM");
  await reader.cancel();
});

Deno.test("gpusIn() reads the lines of nvidia-smi", () => {
  const text = "0, NVIDIA H100, 37, 1024, 81559\n1, NVIDIA A100, [N/A], 0, 40960\n2, MIG, [N/A], [N/A], [N/A]\n";
  assert.deepEqual(gpusIn(text), [
    { index: "0", name: "NVIDIA H100", percent: 37, used: 2 ** 30, total: 81559 * 2 ** 20 },
    { index: "1", name: "NVIDIA A100", used: 0, total: 40 * 2 ** 30 },
  ]);
  assert.deepEqual(gpusIn(""), []);
});
