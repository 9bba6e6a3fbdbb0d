/**
 * Ways to have `train --key` run something else than the archive that was signed. Each leaves code that says so in a file when it
 * runs. They are those of somebody without the key: who sends the archive, who may write where the command is started or beside the archive,
 * and another user of the machine. The operator's own environment and pip's configuration are trusted: SECURITY.md.
 */

import assert from "node:assert/strict";
import { HAS_ROOT } from "./support/needs.ts";
import { py, type Sandbox, test } from "./support/sandbox.ts";
import { tool } from "./support/tool.ts";
import { makeWheel } from "./support/wheels.ts";

const NOBODY = 65534;
const MANIFEST = `{"trainingScript": "train.py", "logNamingFormat": "%d.log"}`;
const GOOD = py`
  import json, os, sys, fox, owl, helper
  def train(d):
      with open(os.path.join(os.path.dirname(__file__), "weights.bin")) as file: weights = file.read(4)
      print(fox.V, owl.V, helper.VALUE, weights, os.path.dirname(json.__file__) in sys.path[-5:] or json.__file__)
`;

/** A script that tells that it ran, and does what the good one does. */
const evil = (box: Sandbox) => `open(${JSON.stringify(box.path("ran"))}, "a").write("evil\\n")\n`;

/** Packs a folder by tar, as anybody can. */
function tar(box: Sandbox, folder: string, name: string, ...more: string[]): void {
  tool("tar", ["-C", folder, "-cf", box.path(name), ...more, "."]);
}

function gzip(box: Sandbox, from: string, to: string): void {
  Deno.writeFileSync(box.path(to), tool("gzip", ["-nc", box.path(from)]));
}

/** A folder whose code is good, or says that it ran. */
function fill(box: Sandbox, name: string, isGood: boolean): string {
  const before = isGood ? "" : evil(box);
  const folder = box.module({
    "train.py": before + GOOD,
    "helper.py": `${before}VALUE = "good"\n`,
    "manifest.json": MANIFEST,
    "weights.bin": "good".repeat(1_500_000),
    "requirements.txt": "fox==1.0\nvendor/owl-1.0-py3-none-any.whl\n",
  }, name);
  makeWheel(`${folder}/wheels`, "fox", "1.0", `${before}V = "good"`);
  makeWheel(`${folder}/vendor`, "owl", "1.0", `${before}V = "good"`);
  return folder;
}

/** Makes keys, the signed archive `model.tar.gz`, and `evil.tar.gz`, which is not signed. */
async function prepare(box: Sandbox): Promise<void> {
  tar(box, fill(box, "good.d", true), "good.tar");
  gzip(box, "good.tar", "model.tar.gz");
  tar(box, fill(box, "evil.d", false), "evil.tar");
  gzip(box, "evil.tar", "evil.tar.gz");
  for (const args of [["keygen", "-W"], ["sign", "model.tar.gz"]]) {
    const { code, stderr } = await box.run(args);
    assert.equal(code, 0, stderr);
  }
}

const RUN = ["train", "--key", "aimodellib.pub", "model.tar.gz", "out"];

/** Runs it, and demands that the signed code ran, or with `refused` that none did. */
async function demand(box: Sandbox, way: string, how: "runs" | "refused", cwd = box.root): Promise<void> {
  const args = RUN.map((word) => /^(?:aimodellib|model)\./.test(word) ? box.path(word) : word);
  const { code, stdout, stderr } = await box.run(args, { cwd });
  assert.throws(() => box.read("ran"), Deno.errors.NotFound, `${way}: other code ran\n${stdout}${stderr}`);
  if (how === "refused") {
    assert.notEqual(code, 0, way);
    assert.equal(stdout, "", way);
  } else {
    assert.equal(code, 0, `${way}: ${stderr}`);
    assert.match(stdout, /^good good good good /, way);
  }
}

/** The folder on a shelf of the cache that the next run takes. */
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
  await demand(box, "nothing", "runs");
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

/** What lies in the folder where a run is started, or beside the archive. */
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
  ["evil.pth", (code) => `import os; exec(${JSON.stringify(code)})\n`],
  ["requirements.txt", () => "-r evil.txt\n"],
  ["manifest.json", () => MANIFEST],
  ["pip.conf", (_, box) => `[global]\nfind-links = ${box.path("evil.d/wheels")}\n`],
  ["uv.toml", (_, box) => `find-links = ["${box.path("evil.d/wheels")}"]\n`],
  ["pyproject.toml", (_, box) => `[tool.uv]\nfind-links = ["${box.path("evil.d/wheels")}"]\n`],
  ["setup.cfg", (_, box) => `[install]\nfind-links = ${box.path("evil.d/wheels")}\n`],
  ["pyvenv.cfg", (_, box) => `home = ${box.path("elsewhere")}\n`],
  ...[".venv/bin/python", "bin/python", "python3", "python", "uv", "pip"].map((name) =>
    [name, (_: string, box: Sandbox) => `#!/bin/sh\necho evil >> ${box.path("ran")}\n`, 0o755] as const
  ),
];

test("what lies beside a signed archive, or where its run is started, is neither imported nor run", async (box) => {
  await prepare(box);
  const plant = (folder: string) => {
    for (const [name, text, mode = 0o644] of BESIDE) {
      const path = `${folder}/${name}`;
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      try {
        Deno.writeTextFileSync(path, text(evil(box), box), { mode });
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
  for (const time of ["first", "second"]) await demand(box, `${time} run`, "runs", box.path("here"));
  await demand(box, "beside the archive", "runs");
  // The sandbox takes them for leftovers.
  for (const name of ["aimodellib", "aimodellib.py"]) Deno.removeSync(box.path(`tmp/${name}`), { recursive: true });
});

test("unsigned archives that look alike share nothing with a signed one", async (box) => {
  await prepare(box);
  const evilRun = async () => {
    const { code, stderr } = await box.run(["train", "evil.tar.gz", "out"]);
    assert.equal(code, 0, stderr);
    // It is bound to say so.
    Deno.removeSync(box.path("ran"));
  };
  await evilRun();
  await demand(box, "an environment that was made before", "runs");
  await evilRun();
  await demand(box, "an environment that was made after", "runs");
});

/** What another user may have put into the cache while it could be written to. Each is owned by that user afterwards. */
const PLANTED: readonly (readonly [way: string, plant: (box: Sandbox) => string])[] = [
  ...["json.py", "sitecustomize.py", "usercustomize.py", "evil.pth"].map((name) =>
    [`${name} in an environment's packages`, (box: Sandbox) => {
      const path = `${sitePackages(box)}/${name}`;
      Deno.writeTextFileSync(
        path,
        name.endsWith(".pth") ? `import os; exec(${JSON.stringify(evil(box))})\n` : evil(box),
      );
      return path;
    }] as const
  ),
  ["a package's own file", (box) => rewrite(`${sitePackages(box)}/fox.py`, (text) => evil(box) + text)],
  ["compiled code of a package", (box) => {
    const folder = `${sitePackages(box)}/__pycache__`;
    const [name] = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.startsWith("fox."));
    return `${folder}/${name}`;
  }],
  ["the environment's Python", (box) => {
    const path = `${kept(box, "environments")}/bin/python`;
    Deno.removeSync(path);
    Deno.writeTextFileSync(path, `#!/bin/sh\necho evil >> ${box.path("ran")}\n`, { mode: 0o755 });
    return path;
  }],
  ["the whole environment", (box) => kept(box, "environments")],
  ["the mark of a complete environment", (box) => `${kept(box, "environments")}/.complete`],
  [
    "the unpacked archive's script",
    (box) => rewrite(`${kept(box, "archives")}/root/train.py`, (text) => evil(box) + text),
  ],
  ["the list of what the unpacked archive holds", (box) => `${kept(box, "archives")}/content.json`],
  ["the whole unpacked archive", (box) => kept(box, "archives")],
  ["a module among the embedded files", (box) => {
    const path = `${embedded(box)}/json.py`;
    Deno.writeTextFileSync(path, evil(box));
    return path;
  }],
  ["an embedded file", (box) => rewrite(`${embedded(box)}/aimodellib/_bridge/train.py`, (text) => evil(box) + text)],
];

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

test("what another user has put into the cache does not run with a signed archive", async (box) => {
  await prepare(box);
  await demand(box, "nothing", "runs");
  for (const [way, plant] of PLANTED) {
    Deno.chownSync(plant(box), NOBODY, NOBODY);
    await demand(box, way, "runs");
  }
  for (const name of ["a link", "files that others may write to"] as const) {
    const environment = kept(box, "environments");
    if (name === "a link") {
      Deno.renameSync(environment, box.path("moved"));
      Deno.chownSync(box.path("moved"), NOBODY, NOBODY);
      rewrite(
        `${box.path("moved")}/lib/${[...Deno.readDirSync(`${box.path("moved")}/lib`)][0]!.name}/site-packages/fox.py`,
        (text) => evil(box) + text,
      );
      Deno.symlinkSync(box.path("moved"), environment);
    } else {
      Deno.chmodSync(rewrite(`${sitePackages(box)}/fox.py`, (text) => evil(box) + text), 0o666);
    }
    await demand(box, name, "runs");
  }
}, HAS_ROOT);
