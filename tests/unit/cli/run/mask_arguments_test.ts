import assert from "node:assert/strict";
import { hideKeys, maskArguments } from "../../../../src/cli/run/mask_arguments.ts";

const MASKED: readonly (readonly [words: string[], masked: string[]])[] = [
  [["--api-key", "x"], ["--api-key", "****"]],
  [["--password=x=y"], ["--password=****"]],
  [["--hf-token", "x", "--lr", "0.1"], ["--hf-token", "****", "--lr", "0.1"]],
  [["--hfToken", "x"], ["--hfToken", "****"]],
  [["-token", "x"], ["-token", "****"]],
  [["AWS_SECRET_ACCESS_KEY=x", "AWS_ACCESS_KEY_ID=x"], ["AWS_SECRET_ACCESS_KEY=****", "AWS_ACCESS_KEY_ID=****"]],
  [["+logger.api_key=x", "model.password=x"], ["+logger.api_key=****", "model.password=****"]],
  [['{"api_key": "x", "lr": 1, "password":"a\\"b"}'], ['{"api_key": "****", "lr": 1, "password":"****"}']],
  [["--env", "A=1,API_KEY=x"], ["--env", "A=1,API_KEY=****"]],
  [["Authorization: Bearer x", "X-Api-Key: x"], ["Authorization: ****", "X-Api-Key: ****"]],
  [["AccountName=a;AccountKey=x==;End=b"], ["AccountName=a;AccountKey=****;End=b"]],
  [["--url", "https://u:p@h/x"], ["--url", "https://****@h/x"]],
  [["sk-proj-abcdefghij0123456789", "hf_abcdefghijklmnopqrst"], ["****", "****"]],
  [["ghp_abcdefghijklmnop1234", "AKIAIOSFODNN7EXAMPLE"], ["****", "****"]],
  [["eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl"], ["****"]],
];

for (const [words, masked] of MASKED) {
  Deno.test(`maskArguments() masks ${words.join(" ")}`, () => assert.deepEqual(maskArguments(words), masked));
}

for (
  const words of [
    ["--max-tokens", "512", "--num-tokens=3", "--tokenizer", "bert"],
    ["--eos-token", "</s>", "--placeholder_token=<cat>", "--pad-token-id=0"],
    ["--label-key", "y", "--key", "aimodellib.pub", "--sort-key=x", "--key-dim", "64"],
    ["--token-file", "/run/token", "--secret-path=x"],
    ["--use-auth-token", "--lr", "0.1"],
    ["--use-auth-token", "true", "--token", ""],
    ["sk-learn-pipeline-baseline-2024", "me@example.com", "a=b", "x: y"],
    ["--author=me", "--compass", "north", "--bypass=1", "--passes", "3"],
  ]
) {
  Deno.test(`maskArguments() does not change ${words.join(" ")}`, () => assert.deepEqual(maskArguments(words), words));
}

Deno.test("hideKeys() hides keys and the user parts of URLs in an error", () => {
  assert.equal(
    hideKeys("Training raised ValueError: no access to https://u:p@h with hf_abcdefghijklmnopqrst"),
    "Training raised ValueError: no access to https://****@h with ****",
  );
});
