import assert from "node:assert/strict";
import { unreadList } from "../../../src/environment/other_lists.ts";
import { TempDir } from "../helper/temp_dir.ts";

/** Returns the sentence about a module with these files. */
function saidOf(files: Readonly<Record<string, string>>): string | undefined {
  using directory = new TempDir();
  for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(`${directory.path}/${name}`, text);
  return unreadList(directory.path)?.replace(directory.path, "DIR");
}

const CONDA = "name: net\ndependencies:\n  # from conda-forge\n  - numpy\n  - pip:\n    - torch\n";

for (
  const [name, text] of [
    ["environment.yml", CONDA],
    ["environment.yaml", CONDA.replaceAll("\n", "\r\n").replace("  # from conda-forge\r\n", "")],
    ["conda.yaml", "dependencies:\n- python=3.11\n"],
    ["pyproject.toml", '[project]\nname = "net"\ndependencies = ["numpy"]\n'],
    ["pyproject.toml", '[project]\ndependencies = [\n  # what trains\n\n  "numpy>=2",\n  "torch",\n]\n[tool.ruff]\n'],
    ["pyproject.toml", "[tool.poetry.dependencies]\npython = '^3.11'\nnumpy = '^2'\n"],
    ["Pipfile", "[packages]\nnumpy = '*'\n"],
  ] as const
) {
  Deno.test(`unreadList() names ${name} when it lists packages: ${JSON.stringify(text)}`, () => {
    const said = saidOf({ [name]: text }) ?? "";
    assert.ok(
      said.startsWith(
        `'DIR' lists packages in ${name}, which aimodellib does not read; it installs from requirements.txt only `,
      ),
      said,
    );
    assert.equal(saidOf({ [name]: text, "requirements.txt": "" }), undefined);
  });
}

for (
  const [name, text] of [
    ["environment.yml", "variables:\n  A: 1\n"],
    ["environment.yml", "dependencies: []\n"],
    ["pyproject.toml", "[tool.ruff]\nline-length = 100\n"],
    ["pyproject.toml", '[project]\ndependencies = []\n[tool.other]\ndependencies = ["x"]\n'],
    ["pyproject.toml", '[project]\ndependencies = [\n  # "numpy",\n]\nkeywords = ["net"]\n'],
    ["pyproject.toml", "[tool.poetry.dependencies]\npython = '^3.11'\n"],
    ["Pipfile", "[packages]\n\n[dev-packages]\nruff = '*'\n"],
    ["setup.cfg", "[tool]\n"],
    ["pyproject.toml", "[project]\ndependencies = [" + "\n".repeat(200_000)],
    ["environment.yml", "dependencies:" + "\n".repeat(200_000)],
  ] as const
) {
  Deno.test(`unreadList() returns undefined for a file without packages: ${name} ${JSON.stringify(text.slice(0, 90))}`, () => {
    assert.equal(saidOf({ [name]: text }), undefined);
  });
}

Deno.test("unreadList() returns undefined for a module that can't be read, or a list that is not a file", () => {
  using directory = new TempDir();
  Deno.mkdirSync(`${directory.path}/pyproject.toml`);
  assert.equal(unreadList(directory.path), undefined);
  assert.equal(unreadList(`${directory.path}/no`), undefined);
});
