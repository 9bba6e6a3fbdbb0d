import { equal } from "node:assert/strict";
import { parse } from "@optique/core/parser";
import { form } from "../../../../src/cli/options/form.ts";
import { message } from "../../../../src/cli/options/message.ts";
import { argument, flag, grouped, multiple, option, unset, withDefault } from "../../../../src/cli/options/option.ts";
import { parserOf } from "../../../../src/cli/options/parser.ts";
import { scan } from "../../../../src/cli/options/scan.ts";
import { text } from "../../../../src/cli/options/text.ts";

const help = { description: message`Something.` };
const options = {
  ...grouped("A group", {
    model: multiple(option("--model", text("TEXT"), help)),
    out: unset(option("--output", "-o", text("TEXT"), help), message`none`),
  }),
  quiet: withDefault(flag("--quiet", "-q", help), false),
  force: withDefault(flag("--force", "-f", help), false),
};
const parser = parserOf(form({ ...options, words: multiple(argument(text("TEXT"))) }));

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
