/** Runs the commands in README.md and docs/, and compares their output with the pages. */

import assert from "node:assert/strict";
import { imports, type Need } from "./support/needs.ts";
import { blocksOf, matches, Reader, stepsOf } from "./support/pages.ts";
import { PYTHON, ROOT, type Sandbox, test, TOOLS } from "./support/sandbox.ts";

/** The languages of blocks that contain commands. */
const COMMANDS = ["sh", "console"];

/** All pages. */
const PAGES: readonly string[] = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  "python/README.md",
  ...list("docs"),
  ...list("examples"),
];

function* list(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(`${ROOT}/${folder}`)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* list(path);
    else if (name.endsWith(".md")) yield path;
  }
}

function read(page: string): string {
  return Deno.readTextFileSync(`${ROOT}/${page}`);
}

/** The model of examples/digits: the names and contents of its files, once a page has needed it. */
let digits: ReadonlyMap<string, Uint8Array> | undefined;

/** Puts a model of examples/digits into `/tmp/digits`, where the pages expect it. */
async function provideDigits(box: Sandbox): Promise<void> {
  const folder = box.path("tmp/digits");
  if (digits === undefined) {
    const trained = await box.run(["train", "examples/digits", "train.py", folder, "--epochs", "3"]);
    assert.equal(trained.code, 0, trained.stderr);
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    digits = new Map(names.map((name) => [name, Deno.readFileSync(`${folder}/${name}`)]));
  } else {
    Deno.mkdirSync(folder);
    for (const [name, content] of digits) Deno.writeFileSync(`${folder}/${name}`, content);
  }
}

/** Pages without commands to run: `instances_test.ts`, `moving_test.ts` and the suite `slurm` use their files, and the last is generated. */
const HAVE_OWN_TESTS: readonly string[] = ["docs/instances.md", "docs/moving.md", "docs/reference.md", "docs/slurm.md"];

/** The state that a page expects, in addition to `/tmp/digits`. */
interface Preparation {
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the page shows the output on a terminal. @default false */
  readonly terminal?: boolean;
  /** Commands to run first. */
  readonly commands?: readonly string[];
}

const SAMPLE = JSON.stringify(JSON.parse(read("examples/digits/sample.json")));

const PREPARED: Readonly<Record<string, Preparation>> = {
  "README.md": { terminal: true },
  "docs/bench.md": { commands: ["aimodellib serve examples/digits serve.py /tmp/digits"] },
  "docs/open-inference.md": { env: { PATH: `${TOOLS}:/usr/bin:/bin` } },
  "docs/predict.md": {
    files: { "records.jsonl": `${SAMPLE}\n${SAMPLE}\n` },
    env: { JOB_COMPLETION_INDEX: "1" },
    commands: [
      "cp -r /tmp/digits /srv/model",
      "aimodellib package --quiet -m examples/digits",
      "aimodellib serve examples/digits serve.py /tmp/digits",
    ],
  },
  "docs/running.md": { commands: ["aimodellib package --quiet -m examples/digits"] },
};

const NEEDS: Readonly<Record<string, Need>> = {
  "docs/open-inference.md": imports(`${TOOLS}/python`, "tritonclient.http"),
  "docs/scripts.md": imports(PYTHON, "numpy"),
};

for (const page of PAGES) {
  if (HAVE_OWN_TESTS.includes(page)) continue;
  const blocks = blocksOf(read(page));
  if (!blocks.some(({ language, mark }) => COMMANDS.includes(language) && mark?.kind !== "not run")) continue;
  test(`the commands in ${page} print what the page shows`, async (box) => {
    const { files = {}, env = {}, commands = [], terminal = false } = PREPARED[page] ?? {};
    const reader = new Reader(box, env, terminal);
    if ([read(page), ...commands].some((text) => text.includes("/tmp/digits"))) await provideDigits(box);
    Deno.mkdirSync(box.path("srv"));
    box.write(files);
    for (const command of commands) await reader.do(command);
    await reader.read(read(page));
  }, NEEDS[page] ?? true);
}

test("only blocks of commands are marked as not run, and each mark gives a reason", () => {
  for (const page of PAGES) {
    for (const { language, mark, line } of blocksOf(read(page))) {
      const where = `${page}:${line}`;
      if (mark?.kind === "not run") {
        assert.ok(COMMANDS.includes(language), `${where}: nobody would run this`);
        assert.match(mark.value, /\w+ \w+/, `${where}: why?`);
      }
      assert.ok(language !== "bash" && language !== "shell", `${where}: the language of commands is 'sh' or 'console'`);
    }
    const fences = [...read(page).matchAll(/^ *```./gm)].length;
    assert.equal(blocksOf(read(page)).length, fences, `${page}: a block has no language, or no end`);
  }
});

test("the runner of pages notices output that differs from the page", async (box) => {
  assert.ok(matches("2026-01-31T12:00:00.000Z INFO done in 1.5 s\n", ["2020-02-02T02:02:02.020Z INFO done in 27 s"]));
  assert.ok(matches("a\nb\nc\n", ["a", "…", "c"]) && matches("a\nc\n", ["a", "…", "c"]));
  assert.ok(matches("a: 7 files\n", ["a: … files"]) && matches("", []));
  assert.ok(!matches("a\nb\n", ["a"]) && !matches("a\n", ["a", "b"]) && !matches("ab\n", ["a"]) && !matches("a\n", []));
  const [step] = stepsOf(blocksOf("```console\n$ echo one \\\n> two |\n  cat\none two\n```\n")[0]!);
  assert.deepEqual([step!.command, step!.printed], ["echo one \\\ntwo |\n  cat", ["one two"]]);
  const reader = new Reader(box);
  await reader.read("```console\n$ echo one\none\n```\n");
  await assert.rejects(reader.read("```console\n$ echo one\ntwo\n```\n"), /shown:\ntwo\nprinted:\none/);
  await assert.rejects(reader.read("```sh\nfalse\n```\n"), /false/);
});
