import assert from "node:assert/strict";
import { type Welcome, welcome } from "../../../../src/cli/serve/welcome.ts";
import { TempDir } from "../../helper/temp_dir.ts";

const URL = "http://127.0.0.1:8080";

/** Returns the facts about a model whose module is this folder. */
function told(module: string, changes: Partial<Welcome> = {}): Welcome {
  const known = {
    module,
    script: `${module}/serve.py`,
    python: "/usr/bin/python3",
    facts: () => ({
      script: "serve.py",
      python: "3.11.7",
      archive: "iris.tar.gz",
      sha256: "0123456789abcdef".repeat(4),
    }),
  };
  const models = [{ name: "iris", label: "serve.py", known }];
  return { models, workers: 2, device: "cpu", url: URL, secured: false, console: true, colors: false, ...changes };
}

Deno.test("welcome() names the model and its workers, and shows a request with the sample", () => {
  using directory = new TempDir();
  directory.write("sample.csv");
  directory.write("sample.json");
  assert.deepEqual(welcome(told(directory.path)).split("\n"), [
    "",
    "  Serving iris: serve.py of iris.tar.gz (sha256 0123456789ab)",
    "  Python 3.11.7, 2 workers on cpu",
    "",
    `  Open ${URL}/`,
    `  Try  curl ${URL}/invocations -H 'Content-Type: application/json' --data-binary @${directory.path}/sample.json`,
    "",
    "",
  ]);
});

Deno.test("welcome() shows a placeholder for the file when there is no sample", () => {
  using directory = new TempDir();
  assert.match(welcome(told(directory.path)), /^ {2}Try {2}curl \S+\/invocations --data-binary @FILE$/m);
});

Deno.test("welcome() shows a request with the token when authentication is on", () => {
  using directory = new TempDir();
  const text = welcome(told(directory.path, { secured: true }));
  assert.ok(text.includes(` -H "Authorization: Bearer $TOKEN" `) && text.includes(`Open ${URL}/`), text);
});

Deno.test("welcome() shows no page when the console is off", () => {
  using directory = new TempDir();
  const text = welcome(told(directory.path, { console: false }));
  assert.ok(text.includes("Try  curl") && !text.includes("Open "), text);
});

Deno.test("welcome() shows a request through the Unix socket, and no page", () => {
  using directory = new TempDir();
  const text = welcome(told(directory.path, { unix: "/run/my model.sock" }));
  assert.ok(text.includes("curl --unix-socket '/run/my model.sock' http://localhost/invocations "), text);
  assert.ok(!text.includes("Open "), text);
});

for (
  const [url, open] of [["http://0.0.0.0:80", "http://127.0.0.1:80"], ["http://[::]:80", "http://[::1]:80"]] as const
) {
  Deno.test(`welcome() shows the page ${open} when the server listens on ${url}`, () => {
    using directory = new TempDir();
    assert.ok(welcome(told(directory.path, { url })).includes(`  Open ${open}/\n`));
  });
}

Deno.test("welcome() lists several models, and shows a request to the first", () => {
  const models = Array.from(
    { length: 12 },
    (_, index) => ({ name: `m${index}`, label: `m${index}.tar.gz`, known: undefined }),
  );
  const text = welcome(told("/nowhere", { models, device: undefined }));
  assert.ok(text.includes("  m0: m0.tar.gz\n") && text.includes("  and 2 more\n  2 workers each\n"), text);
  assert.ok(text.includes(`curl ${URL}/models/m0/invocations --data-binary @FILE`), text);
});

Deno.test("welcome() escapes terminal control characters", () => {
  const models = [{ name: "a", label: "\x1b[2J", known: undefined }];
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(welcome(told("/nowhere", { models, device: "\x1b[2J" })), /\x1b/);
});
