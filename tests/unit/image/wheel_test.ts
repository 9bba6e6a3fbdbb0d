import assert from "node:assert/strict";
import zlib from "node:zlib";
import { zip } from "../../../scripts/release/zip.ts";
import { LayerWriter } from "../../../src/image/layer.ts";
import { checkTags, Venv } from "../../../src/image/wheel.ts";
import { TarDecoder } from "../../../src/archive/tar/decode.ts";
import { utf8 } from "../helper/bytes.ts";

const PYTHON = { path: "/usr/bin/python3.11", version: "3.11" };

Deno.test("checkTags() accepts wheels for the base's Python and processor, and names others", () => {
  for (const name of ["a-1-py3-none-any.whl", "a-1-py2.py3-none-any.whl", "a-1-cp38-abi3-manylinux2014_x86_64.whl"]) {
    checkTags(name, PYTHON, "amd64");
  }
  checkTags("a-1-1build-cp311-cp311-manylinux_2_17_aarch64.manylinux2014_aarch64.whl", PYTHON, "arm64");
  assert.throws(() => checkTags("a-1-cp312-cp312-linux_x86_64.whl", PYTHON, "amd64"), /not for Python 3\.11/);
  assert.throws(() => checkTags("a-1-cp312-abi3-linux_x86_64.whl", PYTHON, "amd64"), /not for Python 3\.11/);
  assert.throws(() => checkTags("a-1-py3-none-musllinux_1_2_x86_64.whl", PYTHON, "amd64"), /x86_64 with glibc/);
  assert.throws(() => checkTags("a-1-py3-none-manylinux1_x86_64.whl", PYTHON, "arm64"), /aarch64 with glibc/);
});

const WHEEL = { path: "a-1.dist-info/WHEEL", content: "Wheel-Version: 1.0\n" };

/** The files of an environment with one wheel, by path. */
async function install(files: readonly { readonly path: string; readonly content: string }[], maxSize = 1e6) {
  const folder = Deno.makeTempDirSync();
  try {
    const bytes = await zip(files.map(({ path, content }) => ({ path, bytes: utf8(content), executable: false })));
    Deno.writeFileSync(`${folder}/a-1-py3-none-any.whl`, bytes);
    using venv = new Venv(PYTHON, maxSize);
    await venv.add(`${folder}/a-1-py3-none-any.whl`);
    const signal = new AbortController().signal;
    using writer = new LayerWriter({ path: `${folder}/layer`, what: "environment", mtime: 0, signal, bytes: 0 });
    await venv.write(writer);
    await writer.finish();
    const found = new Map<string, string>();
    let path = "";
    const decoder = new TarDecoder({
      onEntry: (entry) => found.set(path = entry.path, entry.kind === "symlink" ? `-> ${entry.target}` : ""),
      onData: (data, start, end) =>
        found.set(path, found.get(path)! + new TextDecoder().decode(data.subarray(start, end))),
      onEnd() {},
    });
    decoder.push(new Uint8Array(zlib.gunzipSync(Deno.readFileSync(`${folder}/layer`))));
    decoder.finish();
    return found;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("Venv puts modules, programs and data of a wheel where an installer would", async () => {
  const found = await install([
    WHEEL,
    { path: "a.py", content: "V = 1\n" },
    {
      path: "a-1.dist-info/entry_points.txt",
      content: "[console_scripts]\nrun = a.b:c.d [extra]\n[other]\nno = a:b\n",
    },
    { path: "a-1.data/scripts/tool", content: "#!python\nprint()\n" },
    { path: "a-1.data/scripts/shell", content: "#!/bin/sh\n" },
    { path: "a-1.data/data/share/x", content: "x" },
    { path: "a-1.data/platlib/p.py", content: "p" },
  ]);
  const site = "opt/venv/lib/python3.11/site-packages";
  assert.equal(found.get(`${site}/a.py`), "V = 1\n");
  assert.equal(found.get(`${site}/p.py`), "p");
  assert.equal(found.get("opt/venv/share/x"), "x");
  assert.equal(found.get("opt/venv/bin/tool"), "#!/opt/venv/bin/python\nprint()\n");
  assert.equal(found.get("opt/venv/bin/shell"), "#!/bin/sh\n");
  assert.match(found.get("opt/venv/bin/run")!, /^#!\/opt\/venv\/bin\/python\n.*from a\.b import c\n.*c\.d\(\)/s);
  assert.equal(found.has("opt/venv/bin/no"), false);
  assert.equal(found.get("opt/venv/bin/python"), "-> /usr/bin/python3.11");
  assert.match(found.get("opt/venv/pyvenv.cfg")!, /^home = \/usr\/bin\n/);
});

Deno.test("Venv refuses wheels that leave their folder, are too large or no wheels", async () => {
  await assert.rejects(install([WHEEL, { path: "../a.py", content: "" }]), /'\.\.\/a\.py', which is not a path inside/);
  await assert.rejects(install([WHEEL, { path: "a.py", content: "123" }], 10), /larger than --max-size/);
  await assert.rejects(install([{ path: "a.py", content: "" }]), /lacks a WHEEL file/);
  await assert.rejects(install([{ ...WHEEL, content: "Wheel-Version: 2.0\n" }]), /version 2 of the wheel format/);
});
