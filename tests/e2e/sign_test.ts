/** Signatures: `keygen`, `sign`, `verify --key`, `unpack --key`, and minisign itself. */

import assert from "node:assert/strict";
import { formatPublicKey } from "../../src/archive/sign/format.ts";
import { formatSecretKey, generateKey } from "../../src/archive/sign/secret_key.ts";
import { type Need, runs } from "./support/needs.ts";
import { BIN, type Sandbox, test } from "./support/sandbox.ts";
import { runTool, type ToolResult } from "./support/tool.ts";

const HAS_MINISIGN: Need = runs("minisign", "-v") || "minisign is not installed";

const TRAIN = "def train(model_dir): ...\n";

/** The bytes of an archive, which is packed once. */
let packed: Uint8Array<ArrayBuffer> | undefined;

/** Writes an archive to `model.tar.gz`, and its module to `module`. */
async function archive(box: Sandbox): Promise<void> {
  const words = ["package", "-q", "-m", box.module({ "train.py": TRAIN }, "module"), "-o", "model.tar.gz"];
  if (packed !== undefined) return Deno.writeFileSync(box.path("model.tar.gz"), packed);
  const { code, stderr } = await box.run(words);
  assert.deepEqual([code, stderr], [0, ""]);
  packed = Deno.readFileSync(box.path("model.tar.gz"));
}

/** Runs minisign in the sandbox, with lines for its questions. */
async function minisign(box: Sandbox, args: string[], answers = ""): Promise<ToolResult> {
  return await runTool("minisign", args, { cwd: box.root, stdin: answers });
}

async function keys(box: Sandbox): Promise<string> {
  const { code, stdout, stderr } = await box.run(["keygen", "--no-password"]);
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

/** A password, as it is typed at a terminal with a mistake and two backspaces, and as it is. */
const TYPED = "sëx\x7f\x7fecret\r";
const PASSWORD = "secret";
/**
 * A secret key that `keygen` has encrypted with {@linkcode PASSWORD}, with its public key. Its limits make each use of a password take seconds of
 * processor time, so tests share it.
 */
let shared: { readonly secret: string; readonly public: string } | undefined;

/** Writes the shared keys, which are made once, at a terminal, to `aimodellib.key` and `aimodellib.pub`. */
async function sharedKeys(box: Sandbox): Promise<void> {
  if (shared !== undefined) return box.write({ "aimodellib.key": shared.secret, "aimodellib.pub": shared.public });
  const made = await box.runAtTerminal([["new secret key: ", TYPED], ["again: ", TYPED]], ["keygen"]);
  assert.equal(made.code, 0, made.stdout);
  assert.doesNotMatch(made.stdout, /ecret\r/);
  shared = { secret: box.read("aimodellib.key"), public: box.read("aimodellib.pub") };
}

/**
 * Makes the pair of keys NAME.key and NAME.pub, of which the secret one is encrypted with the least work that minisign accepts. With the
 * limits that `keygen` and minisign set, each use of a password takes seconds of processor time.
 */
async function quickKeys(box: Sandbox, name: string, password: string): Promise<void> {
  const secret = await generateKey();
  const scrypt = { operations: 32768n, memoryBytes: 2n ** 24n };
  box.write({
    [`${name}.key`]: await formatSecretKey(secret, password, scrypt),
    [`${name}.pub`]: formatPublicKey(secret),
  });
}

/** A pair of keys that `minisign -G` of version 0.11 has made, with the password "pw" and its own limits. Making one takes it seconds. */
const OF_MINISIGN = {
  "made.pub": `untrusted comment: minisign public key 28008BF7536C5885
RWSFWGxT94sAKHhikiA0v8LodLzlEbC5BU4plrTDM/+jG8Ik/XO7Qwxn
`,
  "made.key": `untrusted comment: minisign encrypted secret key
RWRTY0IyrLxLEy0kTBtc4g0M13rIiWT+IETcuSvjG5vOD32Yb+wAAAACAAAAAAAAAEAAAAAAULWFLR6tMA2IM/QZC288+IgsN6bIMlFJgflmz8/KehdFryzbsp9JnqzFeQ3RAsY3gatv2icpk0WklyV1xycXpAJcT5N5Xsu30zY/B/AUbOzqFm98MipaGi8Acn5vZwMy1HHeouft1Os=
`,
};

test("keygen, sign and unpack print what they did as JSON", async (box) => {
  await archive(box);
  const json = async (...words: string[]) => {
    const { code, stdout, stderr } = await box.run([...words, "--json"]);
    assert.deepEqual([code, stderr], [0, ""]);
    return JSON.parse(stdout);
  };
  const { key, publicKeyText, ...files } = await json("keygen", "-W", "-s", "k.key", "-p", "k.pub");
  assert.deepEqual(files, { secretKey: "k.key", publicKey: "k.pub" });
  assert.equal(Deno.readTextFileSync(box.path("k.pub")).split("\n")[1], publicKeyText);
  const comment = ["-t", "a comment"];
  const signature = { key, trustedComment: "a comment" };
  const signed = await json("sign", "-s", "k.key", ...comment, "model.tar.gz");
  const verified = await json("verify", "-k", publicKeyText, "model.tar.gz");
  assert.deepEqual(signed, {
    archive: "model.tar.gz",
    sha256: verified.sha256,
    signature: { file: "model.tar.gz.minisig", ...signature },
  });
  const unpacked = await json("unpack", "-k", "k.pub", "model.tar.gz", "out");
  assert.deepEqual(unpacked, { ...verified, folder: "out" });
  assert.ok(Deno.statSync(box.path("out/manifest.json")).isFile);
});

test("verify and unpack accept a signature of sign, given a key's file or text", async (box) => {
  await archive(box);
  const text = await keys(box);
  assert.match(text, /^RW[A-Za-z0-9+/]{54}$/);
  assert.equal(Deno.statSync(box.path("aimodellib.key")).mode! & 0o777, 0o600);
  const signed = await box.run(["sign", "model.tar.gz"]);
  assert.deepEqual([signed.code, signed.stdout], [0, ""]);
  const id = /^Wrote model.tar.gz.minisig: model.tar.gz is signed with the key ([0-9A-F]{16})\n$/.exec(signed.stderr)
    ?.[1];
  assert.ok(id, signed.stderr);
  for (const key of ["aimodellib.pub", text]) {
    const { code, stdout, stderr } = await box.run(["verify", "--key", key, "model.tar.gz"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, new RegExp(`\nSigned with the key ${id}: timestamp:\\d+ file:model.tar.gz hashed\n$`));
  }
  const words = ["unpack", "-k", text, "-x", "model.tar.gz.minisig", "-", "out"];
  const unpacked = await box.run(["-c", `"$0" "$@" < model.tar.gz`, BIN, ...words], { command: "sh" });
  assert.equal(unpacked.code, 0, unpacked.stderr);
  assert.match(unpacked.stderr, new RegExp(`^Signed with the key ${id}: `));
});

test("verify and unpack refuse an archive that was not signed with the key, and unpack leaves no files", async (box) => {
  await archive(box);
  await keys(box);
  const unsigned = await box.run(["unpack", "--key", "aimodellib.pub", "model.tar.gz", "out"]);
  assert.deepEqual([unsigned.code, unsigned.stdout], [1, ""]);
  assert.match(
    unsigned.stderr,
    /^Error: 'model.tar.gz' can't be verified: its signature 'model.tar.gz.minisig' can't be read: No such file/,
  );
  await box.run(["sign", "model.tar.gz"]);

  const { stdout: other } = await box.run(["keygen", "-W", "-s", "other.key", "-p", "other.pub"]);
  const byOther = await box.run(["verify", "--key", other.trim(), "model.tar.gz"]);
  assert.equal(byOther.code, 1);
  assert.match(byOther.stderr, /was made with the key [0-9A-F]{16}, not with [0-9A-F]{16}\n/);

  Deno.writeTextFileSync(box.path("module/more.txt"), "more");
  assert.equal((await box.run(["package", "-q", "--no-check", "-m", box.path("module")])).code, 0);
  for (const words of [["verify"], ["unpack"]]) {
    const { code, stdout, stderr } = await box.run([
      ...words,
      "--key",
      "aimodellib.pub",
      "model.tar.gz",
      ...(words[0] === "unpack" ? ["out"] : []),
    ]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.equal(
      stderr,
      "Error: 'model.tar.gz' does not match its signature 'model.tar.gz.minisig': one of them was changed\n",
    );
  }
  const left = [...Deno.readDirSync(box.root)].map(({ name }) => name).filter((name) => name.includes("out"));
  assert.deepEqual(left, []);
});

test("verify refuses a trusted comment that was changed", async (box) => {
  await archive(box);
  await keys(box);
  await box.run(["sign", "-t", "for production", "model.tar.gz"]);
  const good = await box.run(["verify", "--key", "aimodellib.pub", "model.tar.gz"]);
  assert.match(good.stdout, /: for production\n$/);
  const path = box.path("model.tar.gz.minisig");
  Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace("for production", "for everything"));
  const { code, stderr } = await box.run(["verify", "--key", "aimodellib.pub", "model.tar.gz"]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^Error: 'model.tar.gz' has a signature 'model.tar.gz.minisig' whose trusted comment was changed\n$/,
  );
});

test("sign refuses an invalid archive, an invalid key and a missing key", async (box) => {
  await archive(box);
  const missing = await box.run(["sign", "model.tar.gz"]);
  assert.equal(missing.code, 2);
  assert.match(
    missing.stderr,
    /The secret key 'aimodellib.key' can't be read: No such file or directory \(os error 2\); make one with 'aimodellib keygen'/,
  );
  await keys(box);
  const none = await box.run(["sign", "-s", "aimodellib.pub", "model.tar.gz"]);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /'aimodellib.pub' is not a minisign secret key/);
  Deno.writeFileSync(box.path("bad.tar.gz"), Deno.readFileSync(box.path("model.tar.gz")).slice(0, -20));
  const bad = await box.run(["sign", "bad.tar.gz"]);
  assert.equal(bad.code, 1);
  assert.throws(() => Deno.statSync(box.path("bad.tar.gz.minisig")), Deno.errors.NotFound);
});

test("keygen does not overwrite existing keys, and encrypts with a password", async (box) => {
  await archive(box);
  const asked = await box.run(["keygen"]);
  assert.equal(asked.code, 2);
  assert.match(asked.stderr, /The secret key needs a password: .*--password-file, or in AIMODELLIB_KEY_PASSWORD/);
  await sharedKeys(box);
  const before = Deno.readTextFileSync(box.path("aimodellib.key"));
  assert.match(before, /^untrusted comment: minisign encrypted secret key\nRWRTY0Iy/);
  const again = await box.run(["keygen", "--no-password"]);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /'aimodellib.key' exists already: choose another name, or replace it with --force/);
  assert.equal(Deno.readTextFileSync(box.path("aimodellib.key")), before);

  // The content of the file is the password: an empty one is refused, and with another one, keygen begins to encrypt.
  box.write({ empty: "\n", password: `${PASSWORD}\n` });
  const none = await box.run(["keygen", "--force", "--password-file", "empty"]);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /The password is empty: use --no-password/);
  const stopped = box.start(["keygen", "--force", "--password-file", "password"]);
  await stopped.stderr.waitFor(/^Encrypting the secret key/);
  stopped.kill("SIGTERM");
  await stopped.finished();
  assert.equal(Deno.readTextFileSync(box.path("aimodellib.key")), before);

  await quickKeys(box, "quick", "correct horse");
  const wrong = await box.run(["sign", "-s", "quick.key", "model.tar.gz"], {
    env: { AIMODELLIB_KEY_PASSWORD: "wrong" },
  });
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /The password of 'quick.key' is wrong/);
  box.write({ right: "correct horse\n" });
  for (const [source, words] of [["correct horse", []], [undefined, ["--password-file", "right"]]] as const) {
    const env = { AIMODELLIB_KEY_PASSWORD: source };
    const right = await box.run(["sign", "-s", "quick.key", ...words, "model.tar.gz"], { env });
    assert.equal(right.code, 0, right.stderr);
    assert.equal((await box.run(["verify", "-k", "quick.pub", "model.tar.gz"])).code, 0);
    Deno.removeSync(box.path("model.tar.gz.minisig"));
  }
});

test("keygen asks twice for a password on a terminal, without showing it", async (box) => {
  const differing = await box.runAtTerminal([["new secret key: ", TYPED], ["again: ", "other\r"]], ["keygen"]);
  assert.equal(differing.code, 2);
  assert.match(differing.stdout, /Error: The two passwords differ/);
  const stopped = await box.runAtTerminal([["new secret key: ", "abc\x03"]], ["keygen"]);
  assert.equal(stopped.code, 2);
  assert.match(stopped.stdout, /The secret key needs a password/);
  assert.deepEqual([...Deno.readDirSync(box.root)].filter(({ name }) => name.includes("aimodellib")), []);
  await sharedKeys(box);
  // The test with minisign opens the key with this password; without minisign, sign does.
  if (HAS_MINISIGN === true) return;
  await archive(box);
  const env = { AIMODELLIB_KEY_PASSWORD: PASSWORD };
  assert.equal((await box.run(["sign", "model.tar.gz"], { env })).code, 0);
});

test(
  "minisign verifies what sign has signed, and opens an encrypted key of keygen with the typed password",
  async (box) => {
    await archive(box);
    const env = { AIMODELLIB_KEY_PASSWORD: PASSWORD };
    await sharedKeys(box);
    await quickKeys(box, "quick", PASSWORD);
    const signed = await box.run(["sign", "-s", "quick.key", "model.tar.gz"], { env });
    assert.equal(signed.code, 0, signed.stderr);
    const verified = await minisign(box, ["-V", "-p", "quick.pub", "-m", "model.tar.gz"]);
    assert.ok(verified.success, verified.text);
    assert.match(verified.text, /Signature and comment signature verified\nTrusted comment: timestamp:\d+\tfile:model/);
    const byIt = await minisign(
      box,
      ["-S", "-s", "aimodellib.key", "-x", "by-it.sig", "-m", "model.tar.gz"],
      `${PASSWORD}\n`,
    );
    assert.ok(byIt.success, byIt.text);
    const { code, stderr } = await box.run(["verify", "-k", "aimodellib.pub", "-x", "by-it.sig", "model.tar.gz"]);
    assert.equal(code, 0, stderr);
  },
  HAS_MINISIGN,
);

for (const [kind, flag] of [["of a hash", "-H"], ["of the whole file (legacy)", "-l"]] as const) {
  test(`verify accepts a signature of minisign ${kind}, and sign uses the keys of minisign`, async (box) => {
    await archive(box);
    await quickKeys(box, "m", "pw");
    if (flag === "-H") box.write(OF_MINISIGN);
    else await quickKeys(box, "made", "pw");
    const signed = await minisign(box, ["-S", flag, "-s", "m.key", "-t", "by hand", "-m", "model.tar.gz"], "pw\n");
    assert.ok(signed.success, signed.text);
    const verified = await box.run(["verify", "--key", "m.pub", "model.tar.gz"]);
    assert.equal(verified.code, 0, verified.stderr);
    assert.match(verified.stdout, /\nSigned with the key [0-9A-F]{16}: by hand\n$/);
    const bytes = Deno.readFileSync(box.path("model.tar.gz"));
    Deno.writeTextFileSync(box.path("module/x"), "x");
    assert.equal((await box.run(["package", "-q", "--no-check", "-m", box.path("module")])).code, 0);
    assert.equal((await box.run(["verify", "--key", "m.pub", "model.tar.gz"])).code, 1);
    Deno.writeFileSync(box.path("model.tar.gz"), bytes);

    const env = { AIMODELLIB_KEY_PASSWORD: "pw" };
    const ours = await box.run(["sign", "-s", "made.key", "-x", "ours.sig", "model.tar.gz"], { env });
    assert.equal(ours.code, 0, ours.stderr);
    const byMinisign = await minisign(box, ["-V", "-p", "made.pub", "-x", "ours.sig", "-m", "model.tar.gz"]);
    assert.ok(byMinisign.success, byMinisign.text);
  }, HAS_MINISIGN);
}
