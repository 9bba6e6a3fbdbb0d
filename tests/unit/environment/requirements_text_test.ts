import assert from "node:assert/strict";
import { decodeRequirements, logicalLines, namedBy } from "../../../src/environment/requirements_text.ts";
import { fakeEnv } from "../helper/env.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("decodeRequirements() handles byte order marks and coding lines as pip does", () => {
  const text = "café==1\n";
  const units = (size: number, little: boolean) => {
    const view = new DataView(new ArrayBuffer(size * (text.length + 1)));
    [0xfeff, ...[...text].map((c) => c.codePointAt(0)!)].forEach((point, i) =>
      size === 2 ? view.setUint16(2 * i, point, little) : view.setUint32(4 * i, point, little)
    );
    return new Uint8Array(view.buffer);
  };
  for (const [size, little] of [[2, true], [2, false], [4, true], [4, false]] as const) {
    assert.equal(decodeRequirements(units(size, little)), text, `${8 * size} bits, little-endian: ${little}`);
  }
  assert.equal(decodeRequirements(bytes(`\ufeff${text}`)), text);
  assert.equal(decodeRequirements(bytes(text)), text);
  const latin = new Uint8Array([...bytes("# coding: latin_1\n# "), 0xe9]);
  assert.equal(decodeRequirements(latin), "# coding: latin_1\n# é");
  assert.equal(decodeRequirements(bytes("# coding: no-such-encoding\n")), "# coding: no-such-encoding\n");
});

Deno.test("logicalLines() joins lines, leaves out comments, and replaces variables", () => {
  const text = "a==1 \\\n  --hash=sha256:00  # why\r\n#b\n  \nc#d\ne \\\n# comment\nf\n${USER}x${UNSET}${lower}\ng \\";
  const env = fakeEnv({ USER: "u" });
  assert.deepEqual(logicalLines(text, env), ["a==1   --hash=sha256:00", "c#d", "e", "f", "ux${UNSET}${lower}", "g"]);
});

const NAMED: readonly (readonly [string, ReturnType<typeof namedBy>])[] = [
  ["numpy", { kind: "text" }],
  ["numpy==1.26.4", { kind: "text" }],
  ["Foo.Bar_baz[a, b]>=1,<2 ; python_version < '3.9'", { kind: "text" }],
  ["foo (>=1)", { kind: "text" }],
  ["foo==1 --hash=sha256:00 --hash=sha256:11", { kind: "text" }],
  ["foo @ https://example.com/foo-1.tar.gz", { kind: "text" }],
  ["foo @ git+ssh://git@example.com/foo.git@main", { kind: "text" }],
  ["https://example.com/foo-1-py3-none-any.whl", { kind: "text" }],
  ["-i https://example.com/simple", { kind: "text" }],
  ["--extra-index-url=https://example.com/simple", { kind: "text" }],
  ["--no-binary :all:", { kind: "text" }],
  ["--pre", { kind: "text" }],
  ["-r more.txt", { kind: "nested", path: "more.txt" }],
  ["-rmore.txt", { kind: "nested", path: "more.txt" }],
  ["--requirement=more.txt", { kind: "nested", path: "more.txt" }],
  ["-c 'with space.txt'", { kind: "nested", path: "with space.txt" }],
  ["-r https://example.com/more.txt", { kind: "text" }],
  ["./pkg", { kind: "path", path: "./pkg" }],
  [".", { kind: "path", path: "." }],
  ["../pkg[extra]", { kind: "path", path: "../pkg" }],
  ["vendor/x-1-py3-none-any.whl", { kind: "path", path: "vendor/x-1-py3-none-any.whl" }],
  ["x-1-py3-none-any.whl ; python_version > '3'", { kind: "path", path: "x-1-py3-none-any.whl" }],
  ["x-1.tar.gz --hash=sha256:00", { kind: "path", path: "x-1.tar.gz" }],
  ["/opt/pkg", { kind: "path", path: "/opt/pkg" }],
  ["pkg/sub", { kind: "path", path: "pkg/sub" }],
  ["-e ./pkg", { kind: "path", path: "./pkg" }],
  ["--editable=pkg[a]", { kind: "path", path: "pkg" }],
  ["-e git+https://example.com/foo.git#egg=foo", { kind: "text" }],
  ["file:///opt/a%20b/x.whl", { kind: "path", path: "/opt/a b/x.whl" }],
  ["foo @ file:///opt/foo", { kind: "path", path: "/opt/foo" }],
  ["-f wheels", { kind: "path", path: "wheels" }],
  ["--find-links https://example.com/wheels", { kind: "text" }],
  ["-f links.html", { kind: "unknown" }],
  ["-i ./mirror", { kind: "unknown" }],
  ["--some-new-option x", { kind: "unknown" }],
  ["what is this", { kind: "unknown" }],
];

for (const [line, named] of NAMED) {
  Deno.test(`namedBy() finds ${JSON.stringify(named)} in ${line}`, () => assert.deepEqual(namedBy(line), named));
}
