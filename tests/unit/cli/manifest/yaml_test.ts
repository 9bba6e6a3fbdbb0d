import assert from "node:assert/strict";
import { Remark, toYaml } from "../../../../src/cli/manifest/yaml.ts";

Deno.test("toYaml() quotes text that a parser could read as something else", () => {
  const plain = ["a", "--name", "-o", "/srv/a.b", "apps/v1", "a:1", "pvc://a/b", "1Gi", "10m"];
  const others = [
    "",
    "1",
    "1.5",
    "0x1f",
    "true",
    "No",
    "y",
    "null",
    "~",
    "-",
    "--",
    "---",
    "- a",
    "a: b",
    "a:",
    "a #b",
    "#",
    "[a]",
  ];
  const strange = [
    "{",
    "*a",
    "&a",
    "!a",
    "%a",
    "@a",
    "`a",
    "'",
    '"',
    "a\nb",
    "\u0085",
    "\u2028",
    "\ufeff",
    "é",
    "1:30",
    ".inf",
    "=",
    "<<",
  ];
  for (const text of plain) assert.equal(toYaml([{ key: text }]), `key: ${text}\n`);
  for (const text of [...others, ...strange]) {
    const [, written = ""] = /^key: (".*")\n$/.exec(toYaml([{ key: text }])) ?? [];
    assert.equal(JSON.parse(written), text);
    assert.doesNotMatch(written, /[\x7f-\x9f\u2028\u2029\ufeff]/);
  }
});

Deno.test("toYaml() writes maps, lists and comments", () => {
  const text = toYaml([{
    a: new Remark("Why.", { b: 1, none: undefined, empty: {}, on: true }),
    list: [{ name: "x", args: ["a", "b"] }, new Remark("Second.", { name: "b", deep: { z: [1, 2] } })],
    words: new Remark("Long.", Array.from({ length: 40 }, (_, i) => `word${i}`)),
  }, { second: "document" }]);
  assert.equal(
    text,
    `# Why.
a:
  b: 1
  empty: {}
  "on": true
list:
  - name: x
    args: [a, b]
  # Second.
  - name: b
    deep:
      z: [1, 2]
# Long.
words:
${Array.from({ length: 40 }, (_, i) => `  - word${i}\n`).join("")}---
second: document
`,
  );
});
