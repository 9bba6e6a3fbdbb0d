import assert from "node:assert/strict";
import { uvOptions } from "../../../scripts/venv/pip_settings.ts";

const STRATEGY = ["--index-strategy", "unsafe-best-match"];

Deno.test("uvOptions() translates pip's indexes, files and certificates for uv", () => {
  const list = [
    "global.index-url='https://one.example/simple'",
    "global.extra-index-url='https://two.example/simple\\nfile:///three'",
    "install.find-links='/wheels'",
    "global.cert='/ca.pem'",
    "global.disable-pip-version-check='true'",
    "freeze.timeout='10'",
    "",
  ].join("\n");
  assert.deepEqual(uvOptions(list), {
    args: [
      ...STRATEGY,
      ...["--default-index", "https://one.example/simple", "--index", "https://two.example/simple"],
      ...["--index", "file:///three", "--find-links", "/wheels"],
    ],
    env: { SSL_CERT_FILE: "/ca.pem" },
  });
});

Deno.test("uvOptions() prefers a variable to a command's setting, and that to a global one, in any order", () => {
  const lines = ["install.index-url='b'", ":env:.index-url='c'", "global.index-url='a'"];
  assert.deepEqual(uvOptions(lines.join("\n")), { args: [...STRATEGY, "--default-index", "c"], env: {} });
  assert.deepEqual(uvOptions(lines.slice(2).concat(lines[0]!).join("\n")), {
    args: [...STRATEGY, "--default-index", "b"],
    env: {},
  });
});

Deno.test("uvOptions() leaves settings that it can't translate to pip", () => {
  assert.equal(uvOptions("global.require-hashes='true'"), undefined);
  assert.equal(uvOptions(":env:.client-cert='/key.pem'"), undefined);
  assert.equal(uvOptions("install.only-binary=':all:'"), undefined);
});
