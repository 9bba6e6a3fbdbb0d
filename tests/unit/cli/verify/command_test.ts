import assert from "node:assert/strict";
import { run } from "../../../../src/cli/program.ts";
import { FakeIo } from "../../helper/fake_io.ts";
import { TempDir } from "../../helper/temp_dir.ts";

/** Runs the program, which must succeed, and returns its standard output. */
async function call(...words: string[]): Promise<string> {
  const io = new FakeIo();
  assert.equal(await run(words, io), 0, io.err);
  return io.out;
}

Deno.test("verify --json prints the result as JSON, with the signature", async () => {
  using directory = new TempDir();
  const path = (name: string) => `${directory.path}/${name}`;
  directory.write("iris/serve.py");
  const packed = JSON.parse(await call("package", "-m", path("iris"), "-o", path("x.tar.gz"), "--no-check", "--json"));
  await call("keygen", "-s", path("x.key"), "-p", path("x.pub"), "--no-password");
  await call("sign", "-s", path("x.key"), "-t", "for the test", path("x.tar.gz"));

  const { signature, ...verified } = JSON.parse(
    await call("verify", "--json", "--no-check", "--key", path("x.pub"), path("x.tar.gz")),
  );
  const { sha256, entries, packedBytes, manifest } = packed;
  // All files count here, including the manifest.
  const { bytes, ...others } = verified;
  assert.ok(bytes > 0);
  assert.deepEqual(others, { archive: path("x.tar.gz"), sha256, entries, packedBytes, manifest, notices: [] });
  assert.equal(signature.trustedComment, "for the test");
  assert.match(signature.key, /^[0-9A-F]{16}$/);

  const unsigned = JSON.parse(await call("verify", "--json", "--no-check", path("x.tar.gz")));
  assert.deepEqual(unsigned, verified);
});
