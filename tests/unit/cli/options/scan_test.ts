import { equal } from "node:assert/strict";
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, withDefault } from "@optique/core/modifiers";
import { argument } from "@optique/core/primitives";
import { parse } from "@optique/core/parser";
import { string } from "@optique/core/valueparser";
import { scan } from "../../../../src/cli/options/scan.ts";
import { flag, grouped, option, unset } from "../../../../src/cli/options/option.ts";

const help = { description: message`Something.` };
const options = {
  ...grouped("A group", {
    model: multiple(option("--model", string(), help)),
    out: unset(option("--output", "-o", string(), help), message`none`),
  }),
  quiet: withDefault(flag("--quiet", "-q", help), false),
  force: withDefault(flag("--force", "-f", help), false),
};
const parser = object({ ...options, words: multiple(argument(string())) });

Deno.test("scan() finds the words that the parser finds", () => {
  const lines = [
    "",
    "a",
    "a b -",
    "--model x a --model=y -o file b -q",
    "a -qf b",
    "-qo file a",
    "-- a --model b",
    "a -- -q --",
    "a --output -- b",
    "--output= a",
    "a -1.5 -a.txt",
    "--=x",
    "a --unknown b",
    "a -x",
    "--unknown=x a",
    "a --model",
    "a -o",
    "-1",
  ];
  for (const line of lines) {
    const given = line.split(" ").filter((word) => word !== "");
    const parsed = parse(parser, given);
    equal(scan(options, given)?.words.join("|"), parsed.success ? parsed.value.words.join("|") : undefined, line);
  }
});

Deno.test("scan() tells the options that were given, and does not check their values", () => {
  const { words, options: found } = scan(options, ["--model=x", "-q", "a", "--output", "--quiet"])!;
  equal(words.join(), "a");
  equal([...found].join(), "--model,-q,--output");
});

Deno.test("scan() leaves all words behind the first alone when that ends the options", () => {
  const words = (...given: string[]) => scan(options, given, "first")?.words.join(" ");
  equal(words("--model", "x", "-q", "a", "--model", "-x", "--"), "a --model -x --");
  equal(words("-q", "--epochs", "3"), "--epochs 3");
  equal(words("--", "-q"), "-q");
  equal(words("-q"), "");
  equal(words("--model"), undefined);
});
