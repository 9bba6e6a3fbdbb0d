import assert from "node:assert/strict";
import { DEFAULT_MANIFEST, formatManifest, type Manifest, parseManifest } from "../../../src/archive/manifest.ts";
import { utf8 } from "../helper/bytes.ts";

/** The specification's example, including its comment. */
const EXAMPLE = Deno.readTextFileSync(new URL("../../fixtures/example_manifest.json", import.meta.url));

Deno.test("parseManifest() reads the specification's example", () => {
  assert.deepEqual(parseManifest(utf8(EXAMPLE)), {
    manifest: { ...DEFAULT_MANIFEST, trainingScript: "main.py", servingScript: "main.py", enableTensorboard: true },
    unknown: {},
  });
});

Deno.test("parseManifest() fills in all defaults", () => {
  assert.deepEqual(parseManifest(utf8("\ufeff{}")).manifest, {
    module: "",
    trainingScript: null,
    servingScript: null,
    logDirectory: "logs",
    logNamingFormat: "%Y-%m-%dT%H-%M-%S.log",
    enableTensorboard: false,
    tensorboardDirectory: "tb_logs",
  });
});

Deno.test("parseManifest() keeps unknown keys", () => {
  const text = '{"python":">=3.10","tags":[1,{}],"__proto__":1}';
  assert.equal(JSON.stringify(parseManifest(utf8(text)).unknown), text);
});

const SET: Manifest = {
  module: "m/n",
  trainingScript: "t.py",
  servingScript: "d/s.py",
  logDirectory: "l",
  logNamingFormat: "%H",
  enableTensorboard: true,
  tensorboardDirectory: "tb",
};

Deno.test("parseManifest() reads what formatManifest() writes", () => {
  assert.deepEqual(parseManifest(utf8(formatManifest(SET))).manifest, SET);
});

for (const key of Object.keys(SET) as (keyof Manifest)[]) {
  const nullable = key.endsWith("Script");
  for (const value of [1, [], {}, key === "enableTensorboard" ? "true" : true, ...(nullable ? [] : [null])]) {
    Deno.test(`parseManifest() refuses ${JSON.stringify(value)} for ${key}`, () => {
      const type = key === "enableTensorboard" ? "boolean" : nullable ? "string or null" : "string";
      const shown = JSON.stringify(value);
      assert.throws(() => parseManifest(utf8(`{\n  "${key}": ${shown}\n}`)), {
        name: "ArchiveError",
        reason: `is invalid at line 2, column ${key.length + 7}: ${key} must be a ${type}, not ${shown}`,
      });
    });
  }
}

for (
  const [text, reason] of [
    ['{"module": "/etc"}', `line 1, column 12: module must be a relative path, not "/etc"`],
    ['{"module": "a/../.."}', `line 1, column 12: module must stay inside the root, but "a/../.." leads out`],
    ['{"trainingScript": ""}', `line 1, column 20: trainingScript must name a file, not ""`],
    ['{"logNamingFormat": ""}', "line 1, column 21: logNamingFormat can't be empty"],
    ['{"module": "a\\u0000"}', `line 1, column 12: module can't be "a\\u0000"`],
    ['{"module": "a",\n "module": "b"}', "line 2, column 12: module appears twice"],
    ['{"module": }', "line 1, column 12: a value is missing"],
    ['{"module" "a"}', "line 1, column 11: a colon is missing between a key and its value"],
  ] as const
) {
  Deno.test(`parseManifest() refuses ${text.replaceAll("\n", " ")}`, () => {
    assert.throws(() => parseManifest(utf8(text)), { reason: `is invalid at ${reason}` });
  });
}

for (const text of ["[]", "null", '"x"', "// nothing"]) {
  Deno.test(`parseManifest() refuses ${text}, which is not an object`, () => {
    assert.throws(() => parseManifest(utf8(text)), { name: "ArchiveError", reason: /./ });
  });
}

Deno.test("parseManifest() refuses text that is not UTF-8", () => {
  assert.throws(() => parseManifest(Uint8Array.of(0x7b, 0xff, 0x7d)), { reason: "is not UTF-8" });
});
