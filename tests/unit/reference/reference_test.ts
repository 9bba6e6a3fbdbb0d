import assert from "node:assert/strict";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { reference } from "../../../scripts/reference.ts";
import { ROOT } from "../../../scripts/project.ts";
import { onPath } from "../../../scripts/test/packages.ts";

const HAS_GROFF = onPath("groff");

Deno.test("docs/reference.md and the manual pages match the parsers (if not, run scripts/deno task reference)", async () => {
  const files = await reference();
  for (const [path, text] of files) assert.equal(Deno.readTextFileSync(`${ROOT}/${path}`), text, path);
  const pages = Array.from(Deno.readDirSync(`${ROOT}/docs/man`), ({ name }) => `docs/man/${name}`);
  assert.deepEqual(pages.filter((path) => !files.has(path)), []);
});

Deno.test("docs/reference.md lists an option's values, bounds, default and variable", async () => {
  const text = (await reference()).get("docs/reference.md")!;
  const row = (option: string) =>
    text.split("\n").find((line) => line.startsWith("| ") && line.includes(`\`${option}`))!;
  assert.match(row("--install"), /\| `auto`, `always`, `never` \| `auto` \|/);
  assert.match(row("--queue-timeout"), /\| above 0 \| `30 s` \|$/);
  assert.match(row("--concurrency"), /\| 1 to 4096 \| `32` \|$/);
  assert.match(row("--token-file"), /\| no authentication \| `AIMODELLIB_TOKEN` \|$/);
});

Deno.test({
  name: `groff formats the manual pages without a warning${HAS_GROFF ? "" : " (skipped: groff is not installed)"}`,
  ignore: !HAS_GROFF,
  async fn() {
    for (const { name } of COMMANDS) {
      const args = ["-man", "-ww", "-z", "-Tutf8", `${ROOT}/docs/man/aimodellib-${name}.1`];
      const { success, stderr } = await new Deno.Command("groff", { args }).output();
      assert.deepEqual([success, new TextDecoder().decode(stderr)], [true, ""], name);
    }
  },
});
