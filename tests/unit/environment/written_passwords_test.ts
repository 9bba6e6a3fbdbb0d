import assert from "node:assert/strict";
import { writtenPasswords } from "../../../src/environment/written_passwords.ts";
import { TempDir } from "../helper/temp_dir.ts";

const notice = (place: string, name = "INDEX_PASSWORD") =>
  `${place} contains a password: write \${${name}} instead, and set that variable where the packages are installed`;

function found(files: Readonly<Record<string, string | Uint8Array>>): string[] {
  using folder = new TempDir();
  for (const [name, content] of Object.entries(files)) folder.write(name, content);
  return writtenPasswords(folder.path);
}

Deno.test("writtenPasswords() names the line, and a variable", () => {
  const text =
    "tqdm\n--extra-index-url \\\nhttps://bot:S3cret@h/simple\nx @ git+https://token@h/x.git\n# https://u:p@h\n";
  assert.deepEqual(found({ "requirements.txt": text }), [
    notice("requirements.txt line 3"),
    notice("requirements.txt line 4", "REPOSITORY_PASSWORD"),
    notice("requirements.txt line 5"),
  ]);
});

Deno.test("writtenPasswords() ignores variables, accounts and URLs without passwords", () => {
  const lines = [
    "--index-url https://${USER}:${INDEX_PASSWORD}@h/simple",
    "--extra-index-url https://bot:${INDEX_PASSWORD}@h/simple",
    "x @ git+ssh://git@h/x.git@v1",
    "y @ https://h/y.whl",
    "# me@example.com",
  ];
  assert.deepEqual(found({ "requirements.txt": lines.join("\n") }), []);
});

Deno.test("writtenPasswords() searches the lists that requirements.txt refers to, but none outside the module", () => {
  const secret = "-i https://u:p@h/simple\n";
  assert.deepEqual(
    found({
      "requirements.txt": "-r more/list.txt\n-c ../outside.txt\n",
      "more/list.txt": `-r ../last.txt\n-r list.txt\n${secret}`,
      "last.txt": secret,
      "other.txt": secret,
    }),
    [notice("more/list.txt line 3"), notice("last.txt line 1")],
  );
});

Deno.test("writtenPasswords() reads UTF-16", () => {
  const text = "\ufeff-i https://u:p@h/simple\n";
  const bytes = new Uint8Array(new Uint16Array([...text].map((character) => character.charCodeAt(0))).buffer);
  assert.deepEqual(found({ "requirements.txt": bytes }), [notice("requirements.txt line 1")]);
});

Deno.test("writtenPasswords() finds nothing without a list", () => assert.deepEqual(found({}), []));
