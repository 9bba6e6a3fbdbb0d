import assert from "node:assert/strict";
import { VERSION } from "../../src/version.ts";

const read = (path: string) => Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));

Deno.test("VERSION equals the version in deno.json and in the Python package", () => {
  assert.equal(JSON.parse(read("deno.json")).version, VERSION);
  assert.equal(/^version = "(.*)"$/m.exec(read("python/pyproject.toml"))?.[1], VERSION);
});
