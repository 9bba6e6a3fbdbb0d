/** Text from outside must not control terminals; output for programs is not changed. */

import assert from "node:assert/strict";
import { BIN, echo, py, PYTHON, ROOT, type Sandbox, test } from "./support/sandbox.ts";

/** Characters that clear the screen, move the cursor, end the line, or change the direction of text. */
const NASTY = "a\x1b[2J\r\n\x9b31mERROR\x7f\u202eb\u2066c\u200fd";
const SHOWN = "a\\x1b[2J\\x0d\\x0a\\u009b31mERROR\\x7f\\u202eb\\u2066c\\u200fd";
/** As in JSON at a terminal. */
const SHOWN_JSON = "a\\u001b[2J\\r\\n\\u009b31mERROR\\u007f\\u202eb\\u2066c\\u200fd";

// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

/** Matches progress bars, which are drawn and removed. */
// deno-lint-ignore no-control-regex
const PROGRESS = /\r[█░\w.%/: ]*\x1b\[K/g;

/** Writes an archive: of its entries KIND, NAME and, of links, TARGET; of files, content. */
const MAKE = py`
  import io, json, sys, tarfile
  path, entries = sys.argv[1], json.loads(sys.argv[2])
  kinds = {"file": tarfile.REGTYPE, "link": tarfile.SYMTYPE, "fifo": tarfile.FIFOTYPE}
  with tarfile.open(path, "w:gz") as archive:
      for kind, name, rest in entries:
          info = tarfile.TarInfo(name)
          info.type = kinds[kind]
          if kind == "link":
              info.linkname = rest
          data = rest.encode() if kind == "file" else b""
          info.size = len(data)
          archive.addfile(info, io.BytesIO(data))
`;

type Entry = readonly [kind: "file" | "link" | "fifo", name: string, rest: string];

/** A manifest with such characters in all names and values where they are allowed. */
function manifestWith(values: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    module: "m",
    trainingScript: "train.py",
    servingScript: null,
    logDirectory: "logs",
    logNamingFormat: "x.log",
    enableTensorboard: false,
    tensorboardDirectory: "tb",
    [NASTY]: NASTY,
    ...values,
  });
}

const GOOD: readonly Entry[] = [
  ["file", "manifest.json", manifestWith()],
  ["file", "m/train.py", "def train(model_dir): pass\n"],
  ["file", "m/requirements.txt", "# \x1b[2J\n"],
  ["file", `m/${NASTY}`, "x"],
  ["link", "m/link", NASTY],
];

/** Writes an archive into the sandbox. */
async function archive(box: Sandbox, entries: readonly Entry[], name = "x.tar.gz"): Promise<string> {
  const made = await box.run(["-c", MAKE, box.path(name), JSON.stringify(entries)], { command: PYTHON });
  assert.equal(made.code, 0, made.stderr);
  return name;
}

/** Runs a command on a terminal, and returns the output with the program's own line ends. */
async function shown(box: Sandbox, args: readonly string[], code: number): Promise<string> {
  const script = `${ROOT}/tests/e2e/support/terminal.py`;
  const bin = Deno.env.get("AIMODELLIB_TEST_BIN") ?? `${ROOT}/dist/aimodellib`;
  const finished = await box.run([script, "[]", bin, ...args], { command: PYTHON, env: { NO_COLOR: "1" } });
  assert.equal(finished.code, code, finished.stdout);
  const text = finished.stdout.replaceAll(PROGRESS, "").replaceAll("\r\n", "\n");
  assert.deepEqual(text.split("\n").filter((line) => CONTROL.test(line)), []);
  return text;
}

test("inspect escapes terminal control characters in names, link targets and values", async (box) => {
  const name = await archive(box, GOOD);
  const text = await shown(box, ["inspect", name], 0);
  assert.match(text, new RegExp(`^ {2}${literal(SHOWN)}: "`, "m"));
  assert.match(text, new RegExp(`─ ${literal(SHOWN)} {2}1 B$`, "m"));
  assert.match(text, new RegExp(`─ link -> ${literal(SHOWN)}$`, "m"));

  Deno.mkdirSync(box.path("folder"));
  assert.equal((await box.run(["unpack", name, "folder"])).code, 0);
  assert.match(await shown(box, ["inspect", "folder"], 0), new RegExp(`─ link -> ${literal(SHOWN)}$`, "m"));
});

test("inspect --json and --manifest escape terminal control characters only on a terminal", async (box) => {
  // JSON text may contain DEL and the C1 control characters unescaped.
  const manifest = manifestWith().replaceAll("\\u001b", "").replace(/}$/, ',\r\n"raw":"\x7f\x9b2J\u202e"}\r\n');
  const name = await archive(box, [["file", "manifest.json", manifest], ...GOOD.slice(1)]);

  const atTerminal = await shown(box, ["inspect", "--manifest", name], 0);
  assert.deepEqual(JSON.parse(atTerminal), JSON.parse(manifest));
  assert.equal((await box.run(["inspect", "--manifest", name])).stdout, manifest);

  const piped = await box.run(["inspect", "--json", name]);
  assert.ok(piped.stdout.includes("\x9b31mERROR\x7f\u202e"), "programs get what was there");
  const json = await shown(box, ["inspect", "--json", name], 0);
  assert.ok(json.includes(SHOWN_JSON));
  assert.deepEqual(JSON.parse(json), JSON.parse(piped.stdout));
});

for (
  const [what, entries, words] of [
    ["a name", [["file", `../${NASTY}`, ""]], "a path with '..'"],
    ["a target", [["link", "m/link", `/${NASTY}`]], "a link that leads out of the archive"],
    ["a kind", [["fifo", NASTY, ""]], "a FIFO"],
    ["a manifest's value", [["file", "manifest.json", manifestWith({ module: NASTY })]], ""],
  ] as [string, Entry[], string][]
) {
  test(`verify and unpack escape terminal control characters when they refuse ${what}`, async (box) => {
    const name = await archive(box, entries[0]![1] === "manifest.json" ? entries : [GOOD[0]!, ...entries]);
    for (const args of [["verify", name], ["unpack", name, "out"], ["inspect", name], ["train", name, "model"]]) {
      const text = await shown(box, args, 1);
      assert.match(text, /^Error: /);
      assert.equal(text.trim().split("\n").length, 1, "a name does not begin another line");
      assert.ok(text.includes(SHOWN) && text.includes(words), text);
    }
  });
}

test("commands escape terminal control characters in paths and keys of manifests", async (box) => {
  const folder = box.module({ "train.py": "def train(model_dir): pass\n" }, NASTY);
  const name = await archive(box, GOOD, `${NASTY}.tar.gz`);
  const good: [string, string[]][] = [
    ["verify", ["verify", name]],
    ["unpack", ["unpack", name, `${NASTY}-out`]],
    ["package", ["package", "-m", folder, "-o", `${NASTY}-2.tar.gz`]],
    ["keygen", ["keygen", "--no-password", "-s", `${NASTY}.key`, "-p", `${NASTY}.pub`]],
    ["sign", ["sign", "-s", `${NASTY}.key`, "--trusted-comment", "\u202ecomment", name]],
    ["verify --key", ["verify", "--key", `${NASTY}.pub`, name]],
    ["train", ["train", name, "model"]],
    ["doctor", ["doctor", "-m", folder]],
  ];
  for (const [what, args] of good) {
    const text = await shown(box, args, 0);
    if (what !== "doctor") assert.ok(text.includes(SHOWN), `${what}: ${text}`);
  }
  const wrong: [number, string[]][] = [
    [2, ["verify", `${NASTY}-3`]],
    [2, ["unpack", name, "."]],
    [2, ["package", "-m", `${NASTY}-3`]],
    [2, ["package", "-m", folder, "-t", `${NASTY}.py`]],
    [2, ["keygen", "--no-password", "-s", `${NASTY}.key`]],
    [2, ["sign", "-s", `${NASTY}-3`, name]],
    [2, ["dockerfile", name]],
    [2, ["train", folder, `${NASTY}.py`, "model"]],
    [2, ["serve", folder, `${NASTY}.py`, "model"]],
    [2, ["train", "--python", NASTY, folder, "train.py", "model"]],
    [1, ["doctor", "--python", NASTY]],
    [2, ["verify", `--${NASTY}`]],
    [2, ["verify", "--max-size", NASTY, name]],
    [2, [NASTY]],
  ];
  for (const [code, args] of wrong) {
    const text = await shown(box, args, code);
    assert.ok(/a\\(?:x1b|u001b)\[2J/.test(text) || args[0] === "unpack", JSON.stringify([args, text]));
  }
});

test("a dumb terminal gets neither colours nor progress bars", async (box) => {
  box.module({ "serve.py": echo() }, "m");
  box.write({ "in.jsonl": "1\n".repeat(20_000) });
  Deno.mkdirSync(box.path("model"));
  const at = async (TERM: string, args: readonly string[]) => {
    const script = `${ROOT}/tests/e2e/support/terminal.py`;
    const finished = await box.run([script, "[]", BIN, ...args], { command: PYTHON, env: { TERM } });
    assert.equal(finished.code, 0, finished.stdout);
    return finished.stdout;
  };
  for (
    const [args, shown] of [
      [["help", "init"], "Usage:"],
      [["predict", "m", "serve.py", "model", "in.jsonl", "-o", "out"], "Predicted 20,000 records"],
    ] as const
  ) {
    assert.ok((await at("xterm", args)).includes("\x1b["));
    const text = await at("dumb", args);
    assert.ok(text.includes(shown) && !text.includes("\x1b["), text);
  }
});

test("terminal control characters in arguments are escaped, with and without colours", async (box) => {
  const { stdout } = await box.runAtTerminal([], ["verify", "--max-size", "\x1b[8mhidden", "x"]);
  assert.ok(!stdout.includes("\x1b[8m"), stdout);
  assert.match(stdout, /\[8mhidden/);
});

/** Escapes text for a regular expression. */
function literal(text: string): string {
  return text.replaceAll(/[\\[\]().*+?^${}|]/g, "\\$&");
}

test("serve shows on a terminal what it serves, where to open it, and a request to copy", async (box) => {
  box.write({
    "iris/serve.py": echo(),
    "iris/sample.json": '{"a": 1}',
    "model/weights": "",
  });
  const { stdout } = await box.runAtTerminal([["Try ", "\x03"]], ["serve", "iris", "serve.py", "model", "0"]);
  const text = stdout.replaceAll("\r\n", "\n");
  // deno-lint-ignore no-control-regex
  const plain = text.replaceAll(/\x1b\[\d*m/g, "");
  const [, url] = /Listening on (http:[^;]+);/.exec(plain)!;
  assert.ok(plain.includes("\n  Serving iris: serve.py\n  Python 3."), plain);
  assert.ok(plain.includes(", 1 worker\n\n"), plain);
  assert.ok(plain.includes(`  Open ${url}/\n`), plain);
  assert.ok(
    plain.includes(
      `  Try  curl ${url}/invocations -H 'Content-Type: application/json' --data-binary @iris/sample.json\n`,
    ),
    plain,
  );
});

test("train shows the written files and the next command, only on a terminal", async (box) => {
  box.write({
    "iris/train.py": "def train(model_dir, *args):\n    open(f'{model_dir}/model.json', 'w').write('x' * 100)\n",
    "iris/serve.py": echo(),
  });
  const { stdout, code } = await box.runAtTerminal([], ["train", "iris", "train.py", "out"]);
  assert.equal(code, 0, stdout);
  const lines = stdout.replaceAll("\r\n", "\n").trimEnd().split("\n");
  assert.match(lines[0]!, /^Trained in \d+\.\d s; out has 1 file \(100 B\): model\.json$/);
  assert.deepEqual(lines.slice(1), ["Next: aimodellib serve iris serve.py out"]);
  const quiet = await box.run(["train", "iris", "train.py", "out"]);
  assert.deepEqual([quiet.code, quiet.stdout, quiet.stderr], [0, "", ""]);
});
