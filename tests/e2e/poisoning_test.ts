/**
 * Ways to make `train --key` run something other than the signed archive. Each plants code that writes to a file when it runs. The
 * attackers have no key: the sender of the archive, somebody who can write to the working directory or beside the archive, and another user
 * of the machine. The operator's environment and pip's configuration are trusted: SECURITY.md.
 */

import assert from "node:assert/strict";
import { CAN_MOUNT, HAS_ROOT } from "./support/needs.ts";
import { BIN, py, PYTHON, ROOT, type RunOptions, Sandbox, test } from "./support/sandbox.ts";
import type { Finished } from "./support/program.ts";
import { tool } from "./support/tool.ts";
import { LARGE_BYTES } from "../../src/archive/content.ts";
import { makeWheel } from "./support/wheels.ts";

const NOBODY = 65534;
const MANIFEST = `{"trainingScript": "train.py", "logNamingFormat": "%d.log"}`;
const GOOD = py`
  import json, os, sys, fox, owl, helper
  def train(d):
      with open(os.path.join(os.path.dirname(__file__), "weights.bin")) as file: weights = file.read(4)
      print(fox.V, owl.V, helper.VALUE, weights, os.path.dirname(json.__file__) in sys.path[-5:] or json.__file__)
`;

/** Code that records in a file that it has run. */
const EVIL = `import os; open(os.environ["RAN"], "a").write("evil\\n")\n`;
const EVIL_PROGRAM = `#!/bin/sh\necho evil >> "$RAN"\n`;
const EVIL_PTH = `import os; exec(${JSON.stringify(EVIL)})\n`;
/** An installer that takes less time than pip. */
const FAST = { PIP_CMD: `${PYTHON} ${ROOT}/tests/e2e/support/unpack_wheels.py` };

/** Packs a folder by tar, as anybody can. */
function tar(box: Sandbox, folder: string, name: string, ...more: string[]): void {
  tool("tar", ["-C", folder, "-cf", box.path(name), ...more, "."]);
}

function gzip(box: Sandbox, from: string, to: string): void {
  Deno.writeFileSync(box.path(to), tool("gzip", ["-nc", box.path(from)]));
}

/** A folder whose code is good, or says that it ran. */
function fill(box: Sandbox, name: string, isGood: boolean): string {
  const before = isGood ? "" : EVIL;
  const folder = box.module({
    "train.py": before + GOOD,
    "helper.py": `${before}VALUE = "good"\n`,
    "manifest.json": MANIFEST,
    // Large files are compared by other means than small ones.
    "weights.bin": "good".repeat(LARGE_BYTES / 4 + 1),
    "requirements.txt": "fox==1.0\nvendor/owl-1.0-py3-none-any.whl\n",
  }, name);
  makeWheel(`${folder}/wheels`, "fox", "1.0", `${before}V = "good"`);
  makeWheel(`${folder}/vendor`, "owl", "1.0", `${before}V = "good"`);
  return folder;
}

/** A sandbox with keys, the signed archive `model.tar.gz`, and `evil.tar.gz`, which is not signed. */
let prepared: Promise<Sandbox> | undefined;
addEventListener("unload", () => box && Deno.removeSync(box.root, { recursive: true }));
let box: Sandbox | undefined;

async function makePrepared(): Promise<Sandbox> {
  box = new Sandbox();
  tar(box, fill(box, "good.d", true), "good.tar");
  gzip(box, "good.tar", "model.tar.gz");
  tar(box, fill(box, "evil.d", false), "evil.tar");
  gzip(box, "evil.tar", "evil.tar.gz");
  for (const args of [["keygen", "-W"], ["sign", "model.tar.gz"]]) {
    const { code, stderr } = await box.run(args);
    assert.equal(code, 0, stderr);
  }
  return box;
}

/** Copies what all tests begin with, and is made once. */
async function prepare(box: Sandbox): Promise<void> {
  const { root } = await (prepared ??= makePrepared());
  tool("cp", ["-a", ...[...Deno.readDirSync(root)].map(({ name }) => `${root}/${name}`), box.root]);
}

const RUN = ["train", "--key", "aimodellib.pub", "model.tar.gz", "out"];

/** Trains, and checks that the signed code ran, or with `refused`, that none did. */
async function demand(
  box: Sandbox,
  way: string,
  how: "runs" | "refused",
  { cwd, env }: RunOptions = {},
): Promise<Finished> {
  const args = RUN.map((word) => /^(?:aimodellib|model)\./.test(word) ? box.path(word) : word);
  const finished = await box.run(args, { ...(cwd !== undefined && { cwd }), env: { RAN: box.path("ran"), ...env } });
  const { code, stdout, stderr } = finished;
  assert.throws(() => box.read("ran"), Deno.errors.NotFound, `${way}: other code ran\n${stdout}${stderr}`);
  if (how === "refused") {
    assert.notEqual(code, 0, way);
    assert.equal(stdout, "", way);
  } else {
    assert.equal(code, 0, `${way}: ${stderr}`);
    assert.match(stdout, /^good good good good /, way);
  }
  return finished;
}

/** The folder in the cache that the next run uses. */
function kept(box: Sandbox, shelf: "archives" | "environments"): string {
  const folder = box.path(`home/.cache/aimodellib/${shelf}`);
  const found = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".current"));
  assert.equal(found.length, 1, shelf);
  const [name] = found as [string];
  return `${folder}/${name.replace(/current$/, "").replace(/\.$/, "-")}${
    Deno.readTextFileSync(`${folder}/${name}`).trim()
  }`;
}

function append(path: string, bytes: Uint8Array): void {
  Deno.writeFileSync(path, bytes, { append: true });
}

/** What somebody can do who can change the archive and its signature, and has no key. */
const ARCHIVE: readonly (readonly [way: string, change: (box: Sandbox, archive: string) => Promise<void> | void])[] = [
  ["another archive of the same name", (box, archive) => Deno.copyFileSync(box.path("evil.tar.gz"), archive)],
  ["another archive of the same name, size and time", (box, archive) => {
    const { size, mtime } = Deno.statSync(archive);
    Deno.copyFileSync(box.path("evil.tar.gz"), archive);
    Deno.truncateSync(archive, size);
    Deno.utimeSync(archive, mtime!, mtime!);
  }],
  ["a link to another archive", (box, archive) => {
    Deno.removeSync(archive);
    Deno.symlinkSync(box.path("evil.tar.gz"), archive);
  }],
  ["a hard link to another archive", (box, archive) => {
    Deno.removeSync(archive);
    Deno.linkSync(box.path("evil.tar.gz"), archive);
  }],
  ["a trailing gzip member", (box, archive) => append(archive, Deno.readFileSync(box.path("evil.tar.gz")))],
  ["trailing bytes", (_, archive) => append(archive, new Uint8Array(1024))],
  ["entries behind the others", (box, archive) => {
    Deno.copyFileSync(box.path("good.tar"), box.path("more.tar"));
    const args = ["-C", box.path("evil.d"), "-rf", box.path("more.tar"), "./train.py"];
    tool("tar", args);
    gzip(box, "more.tar", archive.slice(box.root.length + 1));
  }],
  ["the tar archive compressed anew, with another entry before the others", (box, archive) => {
    tar(box, box.path("good.d"), "before.tar", "-C", box.path("evil.d"), "./helper.py", "-C", box.path("good.d"));
    gzip(box, "before.tar", archive.slice(box.root.length + 1));
  }],
  ["a link, and a file through it", (box, archive) => {
    Deno.mkdirSync(box.path("links.d"));
    Deno.symlinkSync(box.root, box.path("links.d/x"));
    tar(box, box.path("links.d"), "links.tar");
    gzip(box, "links.tar", "links.tar.gz");
    append(archive, Deno.readFileSync(box.path("links.tar.gz")));
  }],
  ["another archive, and the signature of one more", async (box, archive) => {
    Deno.copyFileSync(box.path("evil.tar.gz"), archive);
    await signedByOther(box, "evil.tar.gz");
    Deno.copyFileSync(box.path("evil.tar.gz.minisig"), `${archive}.minisig`);
  }],
  ["a signature by another key with the id of the right one", async (box, archive) => {
    await signedByOther(box, "evil.tar.gz");
    Deno.copyFileSync(box.path("evil.tar.gz"), archive);
    const lines = Deno.readTextFileSync(box.path("evil.tar.gz.minisig")).split("\n");
    const id = atob(Deno.readTextFileSync(`${archive}.minisig`).split("\n")[1]!).slice(0, 10);
    lines[1] = btoa(id + atob(lines[1]!).slice(10));
    Deno.writeTextFileSync(`${archive}.minisig`, lines.join("\n"));
  }],
  ["no signature", (box, archive) => {
    Deno.copyFileSync(box.path("evil.tar.gz"), archive);
    Deno.removeSync(`${archive}.minisig`);
  }],
  ["an empty signature", (box, archive) => {
    Deno.copyFileSync(box.path("evil.tar.gz"), archive);
    Deno.writeTextFileSync(`${archive}.minisig`, "");
  }],
];

async function signedByOther(box: Sandbox, name: string): Promise<void> {
  const made = await box.run(["keygen", "-W", "--secret-key", "other.key", "--public-key", "other.pub"]);
  assert.equal(made.code, 0, made.stderr);
  const { code, stderr } = await box.run(["sign", "--secret-key", "other.key", name]);
  assert.equal(code, 0, stderr);
  for (const file of ["other.key", "other.pub"]) Deno.removeSync(box.path(file));
}

test("an archive that is not the signed one is refused, whatever was changed", async (box) => {
  await prepare(box);
  const archive = box.path("model.tar.gz");
  const good = [archive, `${archive}.minisig`].map((path) => [path, Deno.readFileSync(path)] as const);
  // The signed one is in the cache then.
  await demand(box, "nothing", "runs", { env: FAST });
  for (const [way, change] of ARCHIVE) {
    await change(box, archive);
    await demand(box, way, "refused");
    for (const [path, bytes] of good) {
      try {
        Deno.removeSync(path);
      } catch { /* It was removed. */ }
      Deno.writeFileSync(path, bytes);
    }
  }
});

/** Files in the working directory of a run, or beside the archive. */
const BESIDE: readonly (readonly [path: string, text: (code: string, box: Sandbox) => string, mode?: number])[] = [
  ...[
    "json.py",
    "helper.py",
    "fox.py",
    "owl.py",
    "train.py",
    "sitecustomize.py",
    "usercustomize.py",
    "encodings.py",
    "aimodellib.py",
    "aimodellib/__init__.py",
    "_bridge.py",
    "venv.py",
    "pip.py",
    "pip/__main__.py",
    "packaging.py",
    "__main__.py",
  ].map((name) => [name, (code: string) => code] as const),
  ["evil.pth", () => EVIL_PTH],
  ["requirements.txt", () => "-r evil.txt\n"],
  ["manifest.json", () => MANIFEST],
  ["pip.conf", (_, box) => `[global]\nfind-links = ${box.path("evil.d/wheels")}\n`],
  ["uv.toml", (_, box) => `find-links = ["${box.path("evil.d/wheels")}"]\n`],
  ["pyproject.toml", (_, box) => `[tool.uv]\nfind-links = ["${box.path("evil.d/wheels")}"]\n`],
  ["setup.cfg", (_, box) => `[install]\nfind-links = ${box.path("evil.d/wheels")}\n`],
  ["pyvenv.cfg", (_, box) => `home = ${box.path("elsewhere")}\n`],
  ...[".venv/bin/python", "bin/python", "python3", "python", "uv", "pip"].map((name) =>
    [name, () => EVIL_PROGRAM, 0o755] as const
  ),
];

test("files beside a signed archive, or in the working directory, are neither imported nor run", async (box) => {
  await prepare(box);
  const plant = (folder: string) => {
    for (const [name, text, mode = 0o644] of BESIDE) {
      const path = `${folder}/${name}`;
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      try {
        Deno.writeTextFileSync(path, text(EVIL, box), { mode });
      } catch (error) {
        // `pip.py` and `pip/` are there, `pip` is not possible.
        if (!(error instanceof Deno.errors.IsADirectory)) throw error;
      }
    }
    for (const wheel of ["wheels/fox", "vendor/owl"]) {
      const name = `${wheel}-1.0-py3-none-any.whl`;
      Deno.mkdirSync(`${folder}/${wheel.split("/")[0]}`, { recursive: true });
      Deno.copyFileSync(box.path(`evil.d/${name}`), `${folder}/${name}`);
    }
  };
  for (const folder of ["here", "tmp"]) {
    Deno.mkdirSync(box.path(folder), { recursive: true });
    plant(box.path(folder));
  }
  plant(box.root);
  // The first one installs.
  for (const time of ["first", "second"]) await demand(box, `${time} run`, "runs", { cwd: box.path("here") });
  await demand(box, "beside the archive", "runs");
  // The sandbox takes them for leftovers.
  for (const name of ["aimodellib", "aimodellib.py"]) Deno.removeSync(box.path(`tmp/${name}`), { recursive: true });
});

test("unsigned archives that look alike share nothing with a signed one", async (box) => {
  await prepare(box);
  const evilRun = async () => {
    const { code, stderr } = await box.run(["train", "evil.tar.gz", "out"], { env: { RAN: box.path("ran"), ...FAST } });
    assert.equal(code, 0, stderr);
    // Its code has written this file.
    Deno.removeSync(box.path("ran"));
  };
  await evilRun();
  await demand(box, "an environment that was made before", "runs", { env: FAST });
  await evilRun();
  await demand(box, "an environment that was made after", "runs", { env: FAST });
});

/** Something that another user may have put into the cache while it could be written to. It is owned by that user afterwards. */
type Planted = readonly [way: string, plant: (box: Sandbox) => string];

/** What that is, by the part of the cache. The parts are checked independently of each other, so a run shows one of each. */
const PLANTED: readonly (readonly Planted[])[] = [[
  // The check is the same for all names; its unit test has more of them.
  ...["sitecustomize.py", "evil.pth"].map((name) =>
    [`${name} in an environment's packages`, (box: Sandbox) => {
      const path = `${sitePackages(box)}/${name}`;
      Deno.writeTextFileSync(
        path,
        name.endsWith(".pth") ? EVIL_PTH : EVIL,
      );
      return path;
    }] as const
  ),
  ["a package's own file", (box) => rewrite(`${sitePackages(box)}/fox.py`, (text) => EVIL + text)],
  ["compiled code of a package", (box) => {
    const folder = `${sitePackages(box)}/__pycache__`;
    const [name] = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.startsWith("fox."));
    return `${folder}/${name}`;
  }],
  ["the environment's Python", (box) => {
    const path = `${kept(box, "environments")}/bin/python`;
    Deno.removeSync(path);
    Deno.writeTextFileSync(path, EVIL_PROGRAM, { mode: 0o755 });
    return path;
  }],
  ["the whole environment", (box) => kept(box, "environments")],
  ["the mark of a complete environment", (box) => `${kept(box, "environments")}/.complete`],
], [
  [
    "the unpacked archive's script",
    (box) => rewrite(`${kept(box, "archives")}/root/train.py`, (text) => EVIL + text),
  ],
  ["the list of what the unpacked archive holds", (box) => `${kept(box, "archives")}/content.json`],
  ["the whole unpacked archive", (box) => kept(box, "archives")],
], [
  ["a module among the embedded files", (box) => {
    const path = `${embedded(box)}/json.py`;
    Deno.writeTextFileSync(path, EVIL);
    return path;
  }],
  ["an embedded file", (box) => rewrite(`${embedded(box)}/aimodellib/_bridge/train.py`, (text) => EVIL + text)],
]];

function rewrite(path: string, change: (text: string) => string): string {
  Deno.writeTextFileSync(path, change(Deno.readTextFileSync(path)));
  return path;
}

function sitePackages(box: Sandbox): string {
  const lib = `${kept(box, "environments")}/lib`;
  return `${lib}/${[...Deno.readDirSync(lib)][0]!.name}/site-packages`;
}

function embedded(box: Sandbox): string {
  const cache = box.path("home/.cache/aimodellib");
  return `${cache}/${[...Deno.readDirSync(cache)].find(({ name }) => name.startsWith("python-0"))!.name}`;
}

test("files that another user has put into the cache do not run with a signed archive", async (box) => {
  await prepare(box);
  await demand(box, "nothing", "runs", { env: FAST });
  for (let round = 0; PLANTED.some((part) => round < part.length); round++) {
    const planted = PLANTED.flatMap((part) => part.slice(round, round + 1));
    for (const [, plant] of planted) Deno.chownSync(plant(box), NOBODY, NOBODY);
    await demand(box, planted.map(([way]) => way).join(", "), "runs", { env: FAST });
  }
  for (const name of ["a link", "files that others may write to"] as const) {
    const environment = kept(box, "environments");
    if (name === "a link") {
      Deno.renameSync(environment, box.path("moved"));
      Deno.chownSync(box.path("moved"), NOBODY, NOBODY);
      rewrite(
        `${box.path("moved")}/lib/${[...Deno.readDirSync(`${box.path("moved")}/lib`)][0]!.name}/site-packages/fox.py`,
        (text) => EVIL + text,
      );
      Deno.symlinkSync(box.path("moved"), environment);
    } else {
      Deno.chmodSync(rewrite(`${sitePackages(box)}/fox.py`, (text) => EVIL + text), 0o666);
    }
    await demand(box, name, "runs", { env: FAST });
  }
}, HAS_ROOT);

/** An installer that does during a run what another user who can write to TMPDIR could do at any time. */
const SWAP = `#!/bin/sh
for folder in "$SHARED"/aimodellib-*; do
  case $folder in *'*') continue ;; esac
  mv "$folder" "$folder.old" && cp -a "$folder.old" "$folder"
  rm -rf "$folder/root" && cp -a "$EVIL" "$folder/root"
done
exec $FAST "$@"
`;

test("train reports and does not use a TMPDIR in which other users can replace folders", async (box) => {
  await prepare(box);
  Deno.mkdirSync(box.path("shared"));
  Deno.chmodSync(box.path("shared"), 0o777);
  if (HAS_ROOT === true) Deno.chownSync(box.path("shared"), NOBODY, NOBODY);
  Deno.writeTextFileSync(box.path("swap"), SWAP, { mode: 0o755 });
  const env = {
    HOME: undefined,
    TMPDIR: box.path("shared"),
    SHARED: box.path("shared"),
    EVIL: box.path("evil.d"),
    PIP_CMD: box.path("swap"),
    FAST: FAST.PIP_CMD,
  };
  const { stderr } = await demand(box, "a shared TMPDIR", "runs", { env });
  assert.match(stderr, /^TMPDIR is not used, since '.*shared' (?:belongs to user|may be written to by)/m);
  assert.deepEqual([...Deno.readDirSync(box.path("shared"))], []);
});

/** Hides every place for temporary folders below one that all users may write to, as root's volumes in Kubernetes are. */
const ALL_SHARED = `
  mount -t tmpfs tmpfs /mnt && mkdir /mnt/box && mount --bind "$1" /mnt/box && shift &&
  for place in /tmp /var/tmp; do mount -t tmpfs -o mode=0777 tmpfs "$place" || exit 1; done
  cd /mnt/box && exec "$@"`;

test("train refuses --key, and warns without it, where other users can change every temporary folder", async (box) => {
  await prepare(box);
  box.module({ "train.py": "def train(d): print('trained')\n" }, "module");
  const run = (args: string[], more = {}) =>
    box.run(["--mount", "sh", "-c", ALL_SHARED, "sh", box.root, BIN, "train", ...args, "out"], {
      command: "unshare",
      env: { HOME: undefined, TMPDIR: undefined, RAN: "/mnt/box/ran", ...FAST, ...more },
    });
  const signed = ["--key", "aimodellib.pub", "model.tar.gz"];
  const refused = await run(signed);
  assert.equal(refused.code, 1, refused.stderr);
  assert.match(
    refused.stderr,
    /^Error: --key needs a temporary folder that no other user can change: '\/tmp' may be written to by others; '\/var\/tmp' .*TMPDIR/m,
  );
  const warned = await run(["module", "train.py"]);
  assert.deepEqual([warned.code, warned.stdout], [0, "trained\n"], warned.stderr);
  assert.match(
    warned.stderr,
    /^Warning: no temporary folder is safe from other users: '\/tmp' may be written to by others/m,
  );
  const helped = await run(signed, { TMPDIR: "/mnt/box/tmp" });
  assert.match(helped.stdout, /^good good good good /, helped.stderr);
  assert.doesNotMatch(helped.stderr, /Warning/);
}, CAN_MOUNT);
