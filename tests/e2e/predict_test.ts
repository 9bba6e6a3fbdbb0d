/** `predict`: one input, many records, interrupted and resumed runs, and servers over HTTP. */

import assert from "node:assert/strict";
import { sleep, until } from "./support/limits.ts";
import { signal } from "./support/processes.ts";
import type { Finished } from "./support/program.ts";
import { CAN_MOUNT, HAS_BASH } from "./support/needs.ts";
import { BIN, echo, py, type Sandbox, test } from "./support/sandbox.ts";

/** Doubles `x`, or misbehaves as the record demands. */
const DOUBLE = py`
  import json, os, time

  def load(model_dir, logger=None):
      return None

  def deserialize(data, content_type="application/octet-stream", logger=None):
      if content_type.startswith("text/csv"):
          return {"x": data.decode()}
      if content_type.startswith("image/"):
          return {"x": len(data)}
      return json.loads(data)

  def predict(data, model, logger=None):
      if data["x"] == 13:
          raise ValueError("unlucky")
      if "exit" in data:
          os._exit(data["exit"])
      if "sleep" in data:
          time.sleep(data["sleep"])
      return {"y": data["x"] * 2}

  def serialize(data, accepted="*/*", logger=None):
      return json.dumps(data, indent=2).encode(), "application/json"
`;

/** Writes the module, and returns the arguments for it and its model. */
function model(box: Sandbox, source = DOUBLE): string[] {
  Deno.mkdirSync(box.path("model"), { recursive: true });
  return [box.module({ "serve.py": source }, "module"), "serve.py", "model"];
}

async function predict(box: Sandbox, words: readonly string[], stdin?: string): Promise<Finished> {
  return await box.run(["predict", ...words], stdin === undefined ? {} : { stdin });
}

/** Returns lines of JSON with `x` from 0 on. */
function numbers(count: number): string {
  return Array.from({ length: count }, (_, x) => `{"x": ${x}}\n`).join("");
}

/** Returns lines of JSON, whose answers have about 110 bytes each; the second one's fails. */
function longLines(count: number): string {
  const lines = Array.from({ length: count }, (_, i) => `{"x": "${String(i).padEnd(50, "x")}"}\n`);
  return lines.with(1, '{"x": 13}\n').join("");
}

/** Returns the size of a file in bytes; -1 if it does not exist. */
function sizeOf(box: Sandbox, name: string): number {
  try {
    return Deno.statSync(box.path(name)).size;
  } catch {
    return -1;
  }
}

const names = (box: Sandbox, folder: string) => [...Deno.readDirSync(box.path(folder))].map(({ name }) => name).sort();

test("predict writes the answer to standard output, and the times of the stages to standard error", async (box) => {
  box.write({ "one.json": '{"x": 4}' });
  const { code, stdout, stderr } = await predict(box, [...model(box), "one.json"]);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, '{\n  "y": 8\n}');
  assert.match(
    stderr,
    /^queue [\d.]+ ms, deserialize [\d.]+ ms, predict [\d.]+ ms, serialize [\d.]+ ms, total [\d.]+ ms; loaded in [\d.]+ s\n$/,
  );
});

test("--output receives the answer, and a failure keeps the file that was there", async (box) => {
  box.write({ "one.json": '{"x": 4}', "bad.json": '{"x": 13}' });
  const words = model(box);
  assert.equal((await predict(box, [...words, "one.json", "-o", "out"])).code, 0);
  const { code, stdout, stderr } = await predict(box, [...words, "bad.json", "-o", "out"]);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /Traceback[\s\S]*Error: predict\(\) raised ValueError: unlucky\n$/);
  assert.equal(box.read("out"), '{\n  "y": 8\n}');
  assert.deepEqual(names(box, ".").filter((name) => name.includes("out")), ["out"]);
});

test("each input line becomes one output line in the same order, including errors", async (box) => {
  const { code, stdout, stderr } = await predict(box, [...model(box), "--workers", "2"], numbers(300) + "no JSON\n");
  assert.equal(code, 3, stderr);
  const lines = stdout.split("\n");
  assert.equal(lines.pop(), "");
  assert.equal(lines.length, 301);
  assert.equal(lines[12], '{"y":24}');
  assert.equal(lines[13], '{"error":{"record":14,"stage":"predict","type":"ValueError","message":"unlucky"}}');
  assert.equal(lines[299], '{"y":598}');
  const { error } = JSON.parse(lines[300]!);
  assert.deepEqual([error.record, error.stage, error.type], [301, "deserialize", "JSONDecodeError"]);
});

test("a run that is killed at random times resumes to the same bytes", async (box) => {
  box.write({ "in.jsonl": numbers(10_000) });
  const words = ["predict", ...model(box), "in.jsonl", "--workers", "2", "--errors", "errors"];
  const whole = await box.run([...words, "-o", "whole"]);
  assert.equal(whole.code, 3, whole.stderr);
  const errors = box.read("errors");
  let before = 0;
  let kills = 0;
  for (let i = 0; i < 5; i++) {
    const program = box.start([...words, "-o", "out", "--log-level", "info"]);
    // A worker that is killed while it starts leaves its directory. The first one may be done before the second is ready.
    await until(
      "both workers are ready, or the run is over",
      () => [1, 2].every((worker) => program.stderr.text.includes(`Worker ${worker} is ready`)) || program.isOver,
    );
    // Wait until the run has written more: each attempt makes progress.
    await until("lines are written", () => sizeOf(box, "out.partial") > before || program.isOver);
    await sleep(Math.random() * 100);
    program.kill("SIGKILL");
    const { signal } = await program.exited();
    if (signal === null) break;
    kills++;
    // It was killed at its end: another run would begin anew.
    if (names(box, ".").includes("out")) break;
    before = sizeOf(box, "out.partial");
  }
  assert.ok(kills > 0);
  if (!names(box, ".").includes("out")) {
    const last = await box.run([...words, "-o", "out"]);
    assert.equal(last.code, 3, last.stderr);
  }
  assert.ok(box.read("out") === box.read("whole"), "the bytes are the same");
  assert.equal(box.read("errors"), errors);
  // A run that is killed when it is complete, but for its lock, leaves that.
  assert.deepEqual(names(box, ".").filter((name) => /^out(?!\.partial\.lock$)/.test(name)), ["out"]);
});

test("killed workers do not change the answers", async (box) => {
  const count = 5_000;
  // The first records take a second and more, and both workers are ready before the last one is predicted.
  const lines = Array.from({ length: count }, (_, x) => `{"x": ${x}${x < 300 ? ', "sleep": 0.01' : ""}}\n`);
  box.write({ "in.jsonl": lines.join("") });
  const words = ["predict", ...model(box), "in.jsonl", "-o", "out", "--workers", "2", "--retries", "3"];
  const program = box.start([...words, "--log-level", "info"]);
  for (const worker of [1, 2]) {
    const [, pid] = await program.stderr.waitFor(new RegExp(`Worker ${worker} is ready \\(process (\\d+)\\)`));
    await sleep(20);
    if (!program.isOver) signal(Number(pid), "SIGKILL");
  }
  const { code, stderr } = await program.finished();
  assert.equal(code, 3, stderr);
  assert.match(stderr, /Worker \d died \(signal SIGKILL/);
  const answers = box.read("out").split("\n").slice(0, -1);
  assert.equal(answers.length, count);
  answers.forEach((line, x) => x === 13 || assert.equal(line, `{"y":${x * 2}}`));
});

test("a record that kills its worker each time becomes an error, and affects no other record", async (box) => {
  const lines = numbers(200).split("\n");
  lines[99] = '{"x": 1, "exit": 3}';
  box.write({ "in.jsonl": lines.join("\n") });
  const { code, stderr } = await predict(box, [...model(box), "in.jsonl", "-o", "out", "--workers", "2"]);
  assert.equal(code, 3, stderr);
  const failed = box.read("out").split("\n").slice(0, -1).map((line) => JSON.parse(line).error).filter(Boolean);
  assert.deepEqual(failed.map(({ record, stage, type }) => [record, stage, type]), [
    [14, "predict", "ValueError"],
    [100, "worker", "Lost"],
  ]);
});

test("on SIGTERM predict writes the outstanding answers, says how to resume, and exits with 143, on SIGINT with 130", async (box) => {
  box.write({ "in.jsonl": Array.from({ length: 400 }, (_, x) => `{"x": ${x + 100}, "sleep": 0.01}\n`).join("") });
  const words = ["predict", ...model(box), "in.jsonl", "-o", "out"];
  for (const [name, code] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
    const before = sizeOf(box, "out.partial");
    const program = box.start(words);
    await until("lines are written", () => sizeOf(box, "out.partial") > before);
    program.kill(name);
    const ended = await program.finished();
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, new RegExp(`Stopped by ${name}: run the same command again to resume`));
    assert.ok(box.read("out.partial").endsWith("\n"));
  }
  const { code, stderr } = await box.run(words);
  assert.equal(code, 0, stderr);
  const lines = box.read("out").split("\n").slice(0, -1);
  assert.deepEqual(lines, Array.from({ length: 400 }, (_, x) => `{"y":${(x + 100) * 2}}`));
});

test("SIGTERM ends a run whose standard input never ends", async (box) => {
  const words = model(box);
  await box.run(["pipe"], { command: "mkfifo" });
  // Both ends of the pipe are open, and no more data arrives.
  const script = `exec 3<>pipe; echo '{"x": 1}' >&3; exec "$@" <&3`;
  const program = box.start(["-c", script, "sh", BIN, "predict", ...words, "-", "-o", "out"], { command: "sh" });
  await until("a line is written", () => sizeOf(box, "out.partial") > 0);
  program.kill("SIGTERM");
  const { code, stderr } = await program.finished();
  assert.equal(code, 143, stderr);
  assert.equal(box.read("out.partial"), '{"y":2}\n');
  // No process has the other end open: opening the pipe would block.
  const named = await predict(box, [...words, "pipe", "-o", "out"]);
  assert.equal(named.code, 2);
  assert.match(named.stderr, /'pipe' is a named pipe: read it as standard input/);
});

test("each file of a folder gets its output, errors keep the order of the files, and finished files are not repeated", async (box) => {
  box.write({
    "in/b/a.jsonl": numbers(15),
    "in/b/c.json": '{"x": 5}',
    "in/a.json": '{"x": 13}',
    "in/d.png": "PNG",
    "in/.hidden.json": '{"x": 1}',
  });
  const words = [...model(box), "in", "-o", "out", "--errors", "errors"];
  const first = await predict(box, words);
  assert.equal(first.code, 3, first.stderr);
  assert.deepEqual(names(box, "out").filter((name) => !name.startsWith(".")), ["a.json.error.json", "b", "d.png.out"]);
  assert.deepEqual(names(box, "out/b"), ["a.jsonl.out", "c.json.out"]);
  assert.equal(box.read("out/d.png.out"), '{\n  "y": 6\n}');
  assert.equal(box.read("out/b/a.jsonl.out").split("\n")[14], '{"y":28}');
  const errors = box.read("errors").split("\n").slice(0, -1).map((line) => JSON.parse(line).error);
  assert.deepEqual(errors.map(({ input, record }) => [input, record]), [["a.json", 1], ["b/a.jsonl", 14]]);

  // A failed file is tried again, and so is one that has changed since.
  box.write({ "in/a.json": '{"x": 1}', "in/b/c.json": '{"x": 6}' });
  Deno.utimeSync(box.path("in/b/c.json"), new Date(), new Date(Date.now() + 5000));
  const second = await predict(box, [...words, "--json"]);
  assert.equal(second.code, 0, second.stderr);
  const { records, skipped, failed } = JSON.parse(second.stdout);
  assert.deepEqual([records, skipped, failed], [2, 2, 0]);
  assert.equal(box.read("out/b/c.json.out"), '{\n  "y": 12\n}');
  assert.ok(!names(box, "out").includes("a.json.error.json"));
  assert.equal(box.read("errors"), "");
});

test("a folder resumes where it was stopped, and keeps the earlier errors", async (box) => {
  const files = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`in/${i + 10}.json`, `{"x": ${i}, "sleep": 0.02}`]),
  );
  box.write({ ...files, "in/30.jsonl": numbers(20) });
  const words = ["predict", ...model(box), "in", "--errors", "errors", "-o"];
  const whole = await box.run([...words, "whole"]);
  assert.equal(whole.code, 3, whole.stderr);
  const errors = box.read("errors");
  assert.equal(errors.split("\n").length, 3);
  for (const stop of ["17.json.out", "30.jsonl.out"]) {
    const program = box.start([...words, "out"]);
    await until(`there is ${stop}`, () => sizeOf(box, `out/${stop}`) >= 0);
    program.kill("SIGKILL");
    await program.exited();
  }
  const { code, stderr } = await box.run([...words, "out"]);
  assert.equal(code, 3, stderr);
  assert.deepEqual(names(box, "out"), names(box, "whole"));
  for (const name of names(box, "whole")) {
    if (!name.startsWith(".")) assert.equal(box.read(`out/${name}`), box.read(`whole/${name}`), name);
  }
  assert.equal(box.read("errors"), errors);
});

test("shards divide the files of a folder, and their outputs together are complete", async (box) => {
  box.write(Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`in/${i}.json`, `{"x": ${i}}`])));
  const words = [...model(box), "in", "-o", "out"];
  const ended = await Promise.all([0, 1, 2].map((i) => predict(box, [...words, "--shard", `${i}/3`, "--json"])));
  assert.deepEqual(ended.map(({ stdout }) => JSON.parse(stdout).records), [3, 2, 2]);
  const outputs = names(box, "out").filter((name) => !name.startsWith("."));
  assert.deepEqual(outputs, Array.from({ length: 7 }, (_, i) => `${i}.json.out`));
});

test("compressed CSV and JSON Lines are decompressed, and each row is sent with its header", async (box) => {
  box.write({ "t.csv": '\ufeffa,b\n1,"x\ny"\n2,z\n', "l.jsonl": numbers(3) });
  const { code } = await box.run(["-c", "gzip t.csv; gzip l.jsonl; cat l.jsonl.gz l.jsonl.gz > two.jsonl.gz"], {
    command: "sh",
  });
  assert.equal(code, 0);
  const words = model(box);
  const rows = await predict(box, [...words, "t.csv.gz", "--split", "csv", "--join"]);
  assert.equal(rows.code, 0, rows.stderr);
  assert.deepEqual(rows.stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line)), [
    { input: '1,"x\ny"', output: { y: 'a,b\n1,"x\ny"\na,b\n1,"x\ny"\n' } },
    { input: "2,z", output: { y: "a,b\n2,z\na,b\n2,z\n" } },
  ]);
  const lines = await predict(box, [...words, "two.jsonl.gz"]);
  assert.equal(lines.stdout, '{"y":0}\n{"y":2}\n{"y":4}\n'.repeat(2), lines.stderr);
  Deno.writeFileSync(box.path("cut.jsonl.gz"), Deno.readFileSync(box.path("two.jsonl.gz")).subarray(0, -9));
  const cut = await predict(box, [...words, "cut.jsonl.gz"]);
  assert.equal(cut.code, 1);
  assert.match(cut.stderr, /'cut.jsonl.gz' can't be read: it is truncated/);
});

/** A tmpfs of 32 KiB at `full`, and whatever follows in it. */
const IN_SMALL_DISK = `mount -t tmpfs -o size=32k small full && exec "$@"`;

test(
  "when the disk fills up, all counted lines are there, and the run resumes once there is room",
  async (box) => {
    // 44 KB of answers.
    box.write({ "in.jsonl": longLines(400) });
    const words = model(box);
    await predict(box, [...words, "in.jsonl", "-o", "whole"]);
    Deno.mkdirSync(box.path("full"));
    const copy = `"$@"; code=$?; cp full/out.partial* . ; exit $code`;
    const args = [
      "--mount",
      "sh",
      "-c",
      IN_SMALL_DISK,
      "sh",
      "sh",
      "-c",
      copy,
      "sh",
      BIN,
      "predict",
      ...words,
      "in.jsonl",
      "-o",
    ];
    const { code, stdout, stderr } = await box.run([...args, "full/out", "--json"], { command: "unshare" });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /'.*full\/out\.partial' can't be written: No space left on device/);
    const { records, complete } = JSON.parse(stdout);
    assert.equal(complete, false);
    const partial = box.read("out.partial");
    const lines = partial.split("\n").length - 1;
    assert.ok(partial.endsWith("\n") && lines > 100);
    assert.equal(records, lines);
    assert.equal((await predict(box, [...words, "in.jsonl", "-o", "out"])).code, 3);
    assert.ok(box.read("out") === box.read("whole"), "the bytes are the same");
  },
  CAN_MOUNT,
);

test("an error names an output that can't be written or exceeds the limit of file sizes", async (box) => {
  // 90 KB of answers; `ulimit` counts blocks of 512 bytes, and a worker's ledger has 64 KiB.
  const count = 800;
  box.write({ "in.jsonl": longLines(count) });
  const words = model(box);
  const full = await box.run(["-c", `exec "$@" >/dev/full`, "sh", BIN, "predict", ...words, "in.jsonl"], {
    command: "sh",
  });
  assert.equal(full.code, 1);
  assert.match(full.stderr, /Standard output can't be written: No space left/);
  const limited = await box.run([
    "-c",
    `ulimit -f 150; exec "$@"`,
    "sh",
    BIN,
    "predict",
    ...words,
    "in.jsonl",
    "-o",
    "out",
  ], {
    command: "sh",
  });
  assert.equal(limited.code, 1, limited.stderr);
  assert.match(limited.stderr, /'.*out\.partial' can't be written: File too large/);
  assert.equal((await predict(box, [...words, "in.jsonl", "-o", "out"])).code, 3);
  assert.equal(box.read("out").split("\n").length, count + 1);
});

test("a run ends silently when the reader of standard output is gone", async (box) => {
  box.write({ "in.jsonl": numbers(20_000) });
  const script = `"$@" | head -n 2; echo "code \${PIPESTATUS[0]}"`;
  const { stdout, stderr } = await box.run(["-c", script, "sh", BIN, "predict", ...model(box), "in.jsonl"], {
    command: "bash",
  });
  assert.equal(stdout, '{"y":0}\n{"y":2}\ncode 141\n', stderr);
  assert.match(stderr, /^\S+ ERROR predict\(\) raised ValueError: unlucky.*\n( .*\n)*$/);
}, HAS_BASH);

test("predict with the URL of a server and a token gives the same answers, errors and stages as without HTTP", async (box) => {
  box.write({
    "in.jsonl": numbers(300) + "no JSON\n",
    "tokens": `# ours\nmetrics-only-token-1 metrics\nsecret-token-of-ours\n`,
  });
  const words = model(box);
  const server = await box.serve({ module: box.path("module") }, {
    args: ["--port", "0", "--token-file", box.path("tokens")],
  });
  const url = `${server.url}/`;
  const refused = await predict(box, [url, "in.jsonl"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /answers 401: .*--token-file/);
  const there = await predict(box, [url, "in.jsonl", "--token-file", "tokens", "-o", "http"]);
  assert.equal(there.code, 3, there.stderr);
  assert.equal((await predict(box, [...words, "in.jsonl", "-o", "direct"])).code, 3);
  assert.equal(box.read("http"), box.read("direct"));
  const one = await predict(box, [url, "--token-file", "tokens", "--split", "none", "-"], '{"x": 13}');
  assert.equal(one.code, 1);
  assert.match(one.stderr, /^Error: predict\(\) raised ValueError: unlucky\n$/);
  await server.stop();
});

test("predict waits for a server that is briefly down, and fails if it stays down", async (box) => {
  box.write({ "in.jsonl": numbers(5) });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const program = box.start(["predict", `http://127.0.0.1:${port}/`, "in.jsonl", "-o", "out"]);
  await program.stderr.waitFor(/Requests are refused, and will be sent again: .*the server refused the connection/);
  model(box);
  const server = await box.serve({ module: box.path("module") }, { args: ["--port", String(port)] });
  const { code, stderr } = await program.finished();
  assert.equal(code, 0, stderr);
  assert.equal(box.read("out"), [0, 2, 4, 6, 8].map((y) => `{"y":${y}}\n`).join(""));
  await server.stop();
});

test("a streamed answer is shown part by part, from a model and from a server", async (box) => {
  const source = echo(py`
    import time

    def predict(data, model):
        for i in range(3):
            yield b"part %d\n" % i
            while i == 0 and not __import__("os").path.exists(data.decode()):
                time.sleep(0.01)
  `);
  const module = box.module({ "serve.py": source }, "module");
  Deno.mkdirSync(box.path("model"));
  const server = await box.serve({ module });
  for (const [name, words] of [["direct", [module, "serve.py", "model"]], ["http", [`${server.url}/`]]] as const) {
    const file = box.path(`go-${name}`);
    box.write({ [`${name}.txt`]: file });
    const program = box.start(["predict", ...words, `${name}.txt`]);
    await program.stdout.waitFor(/part 0/);
    assert.equal(program.stdout.text, "part 0\n");
    box.write({ [`go-${name}`]: "" });
    const { code, stdout, stderr } = await program.finished();
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "part 0\npart 1\npart 2\n");
  }
  await server.stop();
});

test("errors of predict say what to change on the command line", async (box) => {
  box.write({ "one.json": "{}", "in/a.json": "{}" });
  const words = model(box);
  const cases: readonly (readonly [RegExp, ...string[]])[] = [
    [/The input 'nothing.json' does not exist/, "nothing.json"],
    [/Several inputs need a folder for their outputs: name one with --output/, "in"],
    [/--join, --shard: the whole input is one request\. Split it with/, "one.json", "--join", "--shard", "0/2"],
    [/Expected a shard such as 0\/4|Expected a shard such as "0\/4"/, "one.json", "--shard", "2/2"],
    [/The outputs can't go into 'in', the folder of the inputs/, "in", "-o", "in"],
    [/'one.json' is the input/, "one.json", "-o", "one.json"],
    [/--accept must be visible ASCII, not 'a\\x0ab'/, "one.json", "--accept", "a\nb"],
    [/--token-file needs the URL of a server/, "one.json", "--token-file", "x"],
  ];
  for (const [pattern, ...more] of cases) {
    const { code, stderr } = await predict(box, [...words, ...more]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, pattern);
  }
  const two = await predict(box, ["http://127.0.0.1:9", "in", "one.json", "in", "-o", "out"]);
  assert.equal(two.code, 2);
  assert.match(two.stderr, /would have the same output, 'a.json.out'/);
});

test("a record that kills its worker does not affect the other records of its batch", async (box) => {
  const source = `${DOUBLE}
def predict_batch(data, model, logger=None):
    for one in data:
        if "exit" in one:
            os._exit(one["exit"])
    return [{"y": one["x"] * 2, "batch": len(data) > 1} for one in data]
`;
  const lines = numbers(400).split("\n");
  lines[99] = '{"x": 1, "exit": 3}';
  box.write({ "in.jsonl": lines.join("\n") });
  const { code, stderr } = await predict(box, [
    ...model(box, source),
    "in.jsonl",
    "-o",
    "out",
    "--max-batch-size",
    "16",
  ]);
  assert.equal(code, 3, stderr);
  const answers = box.read("out").split("\n").slice(0, -1).map((line) => JSON.parse(line));
  assert.deepEqual(answers.flatMap(({ error }) => error === undefined ? [] : [[error.record, error.type]]), [[
    100,
    "Lost",
  ]]);
  assert.ok(answers.some(({ batch }) => batch));
});

test("predict accepts an archive with or without a model, an unpacked one, and a Unix socket", async (box) => {
  box.write({ "one.json": '{"x": 4}', "model/weights": "1" });
  const [module] = model(box);
  const pack = async (...more: string[]) => {
    const { code, stderr } = await box.run(["package", "-m", module!, ...more]);
    assert.equal(code, 0, stderr);
  };
  await pack("-o", "bare.tar.gz");
  await pack("-o", "full.tar.gz", "--model-dir", "model");
  assert.equal((await box.run(["unpack", "full.tar.gz", "unpacked"])).code, 0);
  const program = box.start(["serve", "bare.tar.gz", "model", "--unix", box.path("socket")]);
  await program.stderr.waitFor(/Ready: POST/);
  for (
    const words of [["bare.tar.gz", "model"], ["full.tar.gz"], ["unpacked"], [`unix:${box.path("socket")}`]]
  ) {
    const { code, stdout, stderr } = await predict(box, [...words, "one.json"]);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, '{\n  "y": 8\n}');
  }
  program.kill("SIGTERM");
  await program.finished();
  const missing = await predict(box, ["bare.tar.gz", "one.json"]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /model directory 'one.json'/);
});

test("on a terminal an answer ends with a newline, binary data is refused, and a run shows a progress bar", async (box) => {
  const source = `${DOUBLE}
def serialize(data, accepted="*/*", logger=None):
    if accepted == "image/png":
        return b"\\x89PNG", "image/png"
    return json.dumps(data).encode(), "application/json"
`;
  box.write({
    "one.json": '{"x": 4}',
    "in.jsonl": Array.from({ length: 100 }, (_, x) => `{"x": ${x + 100}, "sleep": 0.01}\n`).join(""),
  });
  const words = ["predict", ...model(box, source)];
  const one = await box.runAtTerminal([], [...words, "one.json"]);
  assert.match(one.stdout, /\{"y": 8\}\r?\nqueue /);
  const image = await box.runAtTerminal([], [...words, "one.json", "--accept", "image/png"]);
  assert.match(
    image.stdout,
    /The answer is 'image\/png', which is not shown at a terminal: write it to a file with --output/,
  );
  assert.doesNotMatch(image.stdout, /PNG/);
  const many = await box.runAtTerminal([], [...words, "in.jsonl", "-o", "out"]);
  assert.match(many.stdout, /[░█] \d+% {2}\d+ records {2}\d+\/s/);
  assert.match(many.stdout, /Predicted 100 records in [\d.]+ s .*none failed; written to/);
  box.write({ "escape.txt": '{"x": "\\u001b[2J"}\n' });
  const plain = source.replace('json.dumps(data).encode(), "application/json"', 'data["y"].encode(), "text/plain"');
  const shown = await box.runAtTerminal([], [
    "predict",
    ...model(box, plain),
    "escape.txt",
    "--split",
    "lines",
    "--content-type",
    "application/json",
  ]);
  assert.match(shown.stdout, /\\x1b\[2J\\x1b\[2J|\\u001b\[2J/);
  assert.ok(!shown.stdout.includes("\x1b[2J"));
  const none = await box.runAtTerminal([], ["predict", ...model(box)]);
  assert.match(none.stdout, /There is no input: name a file or a folder, or '-' to type it/);
});

test("predict writes to a device or a pipe instead of replacing it", async (box) => {
  box.write({ "in.jsonl": numbers(20), "one.json": '{"x": 4}' });
  const words = model(box);
  await box.run(["pipe"], { command: "mkfifo" });
  for (const [input, expected] of [["in.jsonl", '"y":38'], ["one.json", '"y": 8']] as const) {
    const reader = box.start(["pipe"], { command: "cat" });
    const { code, stderr } = await predict(box, [...words, input, "-o", "pipe", "--log-level", "error"]);
    assert.equal(code, input === "in.jsonl" ? 3 : 0, stderr);
    assert.match((await reader.finished()).stdout, new RegExp(expected));
    assert.ok(Deno.statSync(box.path("pipe")).isFifo);
  }
  const errors = box.start(["pipe"], { command: "cat" });
  assert.equal((await predict(box, [...words, "in.jsonl", "-o", "out", "--errors", "pipe"])).code, 3);
  assert.match((await errors.finished()).stdout, /^\{"error":\{"record":14,/);
});

test("predict writes to a descriptor such as /dev/stdout, whatever it leads to, instead of replacing it", async (box) => {
  box.write({ "in.jsonl": numbers(3), "one.json": '{"x": 4}' });
  const words = model(box);
  // As /dev/stdout is. A program that replaces its output would replace the link, rather than that of the machine.
  Deno.symlinkSync("/proc/self/fd/1", box.path("stdout"));
  for (const output of ["stdout", "/dev/fd/1"]) {
    box.write({ file: "before\n" });
    const run = async (shell: string, ...rest: string[]) => {
      const { code, stderr } = await box.run(["-c", shell, BIN, ...rest], { command: "sh" });
      assert.equal(code, 0, stderr);
    };
    await run('"$0" "$@" >> file', "predict", ...words, "in.jsonl", "-o", output);
    await run('"$0" "$@" >> file', "predict", ...words, "one.json", "-o", output);
    assert.equal(box.read("file"), 'before\n{"y":0}\n{"y":2}\n{"y":4}\n{\n  "y": 8\n}');
    await run('{ echo one; "$0" "$@"; echo two; } > file', "predict", ...words, "in.jsonl", "-o", output);
    assert.equal(box.read("file"), 'one\n{"y":0}\n{"y":2}\n{"y":4}\ntwo\n');
    await run('"$0" "$@" | cat > file', "predict", ...words, "in.jsonl", "-o", output);
    assert.equal(box.read("file"), '{"y":0}\n{"y":2}\n{"y":4}\n');
    assert.ok(Deno.lstatSync(box.path("stdout")).isSymlink);
  }
});

test("predict leaves the folder of its outputs out of the inputs, also if a link leads there", async (box) => {
  box.write({ "data/in.jsonl": numbers(3) });
  Deno.symlinkSync("data", box.path("link"));
  const words = [...model(box), "link", "-o", box.path("link/out")];
  for (let run = 0; run < 2; run++) {
    const { code, stderr } = await predict(box, words);
    assert.equal(code, 0, stderr);
    assert.deepEqual(names(box, "data/out").filter((name) => !name.startsWith(".")), ["in.jsonl.out"]);
  }
});

test("predict exits with 143 when SIGTERM arrives while the model loads", async (box) => {
  const source = `${DOUBLE}
def load(model_dir, logger=None):
    print("loading", flush=True)
    time.sleep(60)
`;
  box.write({ "in.jsonl": numbers(20) });
  const program = box.start(["predict", ...model(box, source), "in.jsonl", "-o", "out"]);
  await program.stderr.waitFor(/loading/);
  program.kill("SIGTERM");
  const { code, stderr } = await program.finished();
  assert.equal(code, 143, stderr);
});
