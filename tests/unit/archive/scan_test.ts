import assert from "node:assert/strict";
import { scan } from "../../../src/archive/scan.ts";
import { concat } from "../helper/bytes.ts";
import { sourceOf } from "../helper/source.ts";
import { END, gzip, type RawEntry, rawEntry } from "../helper/tar.ts";

const MANIFEST = {
  name: "manifest.json",
  content: '{"module": "m", "trainingScript": "train.py", "servingScript": "serve.py"}',
};
const LINKS: readonly RawEntry[] = [
  { name: "m/requirements.txt", type: "2", target: "../current/prod.txt" },
  { name: "current", type: "2", target: "lists/" },
  { name: "m/train.py", type: "2", target: "impl/fit.py" },
  { name: "m/serve.py", type: "1", target: "m/impl/answer.py" },
];
const FILES: readonly RawEntry[] = [
  { name: "lists/prod.txt", content: "six==1.17.0" },
  { name: "m/impl/fit.py", content: "def train(): ..." },
  { name: "m/impl/answer.py", content: "def predict(): ..." },
];

for (
  const [order, entries] of Object.entries({
    "the manifest comes first": [MANIFEST, ...FILES, ...LINKS],
    "the manifest comes last": [...FILES, ...LINKS, MANIFEST],
    // A hard link can only follow its file.
    "symbolic links come before their targets": [...LINKS.slice(0, 3), MANIFEST, ...FILES, ...LINKS.slice(3)],
  })
) {
  Deno.test(`scan() finds scripts and requirements through links when ${order}`, async () => {
    const { requirements, hasRequirements, scripts } = await scan(
      sourceOf(gzip(concat(...entries.map((entry) => rawEntry(entry)), END))),
    );
    const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
    assert.deepEqual([text(requirements), hasRequirements], ["six==1.17.0", true]);
    assert.deepEqual([...scripts].map(([path, content]) => [path, text(content)]), [
      ["m/train.py", "def train(): ..."],
      ["m/serve.py", "def predict(): ..."],
    ]);
  });
}

Deno.test("scan() reports requirements behind a link whose target it does not keep", async () => {
  const entries = [
    { name: "manifest.json", content: "{}" },
    { name: "requirements.txt", type: "2", target: "prod.lock" },
    { name: "prod.lock", content: "six" },
  ];
  const { requirements, hasRequirements } = await scan(sourceOf(gzip(concat(...entries.map(rawEntry), END))));
  assert.deepEqual([requirements, hasRequirements], [undefined, true]);
});
