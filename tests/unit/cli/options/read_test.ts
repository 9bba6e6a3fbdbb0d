import { deepEqual, equal, ok } from "node:assert/strict";
import { parse } from "@optique/core/parser";
import fc from "fast-check";
import { COMMANDS } from "../../../../src/cli/commands.ts";
import { form, optionsFirst } from "../../../../src/cli/options/form.ts";
import { message } from "../../../../src/cli/options/message.ts";
import {
  argument,
  type Field,
  flag,
  multiple,
  option,
  optional,
  rest,
  withDefault,
} from "../../../../src/cli/options/option.ts";
import { parserOf } from "../../../../src/cli/options/parser.ts";
import { read } from "../../../../src/cli/options/read.ts";
import { text } from "../../../../src/cli/options/text.ts";
import { whole } from "../../../../src/cli/options/values.ts";

const help = { description: message`Something.` };
const mixed = form({
  output: withDefault(option("--output", "-o", text("FILE"), help), "a.out"),
  jobs: withDefault(option("--jobs", whole("N", 1, 9), help), 1),
  define: multiple(option("--define", text("NAME"), help)),
  quiet: withDefault(flag("--quiet", "-q", help), false),
  input: argument(text("input")),
  port: optional(argument(whole("port", 0))),
});

Deno.test("read() parses options and arguments of the usual forms", () => {
  for (
    const [line, expected] of [
      ["in", {}],
      ["--output=x=y in 80", { output: "x=y", port: 80 }],
      ["in -o - -q --jobs 9", { output: "-", quiet: true, jobs: 9 }],
      ["--define a in --define=b", { define: ["a", "b"] }],
      ["- --output=", { input: "-", output: "" }],
    ] as const
  ) {
    const otherwise = { output: "a.out", jobs: 1, define: [], quiet: false, input: "in", port: undefined };
    deepEqual(read(mixed, line.split(" ")), { kind: "parsed", value: { ...otherwise, ...expected } }, line);
  }
});

Deno.test("read() leaves a command line with another word to the library, and names the word", () => {
  for (
    const [line, word] of [
      ["in --help", "--help"],
      ["in --jobs 10", "--jobs"],
      ["in --jobs", "--jobs"],
      ["in --quiet=1", "--quiet=1"],
      ["in --quiet -q", "-q"],
      ["in -o -x", "-o"],
      ["in -ofile", "-ofile"],
      ["-- in", "--"],
      ["in 80 more", "more"],
      ["in port", "port"],
      ["-q", undefined],
    ] as const
  ) deepEqual(read(mixed, line.split(" ")), { kind: "unusual", word }, line);
});

Deno.test("read() takes all words behind the arguments when the form ends with the remaining words", () => {
  const first = optionsFirst({
    quiet: withDefault(flag("--quiet", help), false),
    input: argument(text("input")),
    args: rest(message`The others.`),
  });
  deepEqual(read(first, ["--quiet", "in", "a", "--quiet", "--", ""]), {
    kind: "parsed",
    value: { quiet: true, input: "in", args: ["a", "--quiet", "--", ""] },
  });
  deepEqual(read(first, ["in"]), { kind: "parsed", value: { quiet: false, input: "in", args: [] } });
  // The parser of the library drops it.
  equal(read(first, ["in", "--", "a"]).kind, "unusual");
});

/** Words that may be next on a command line with these fields: often a valid option, sometimes nonsense. */
function wordsFor(fields: readonly Field<unknown>[]): fc.Arbitrary<readonly string[]> {
  const options = fields.filter(({ kind }) => kind === "option");
  const value = ({ value }: Field<unknown>) =>
    value?.otherwise.kind === "choice"
      ? fc.constantFrom(...value.otherwise.words)
      : fc.constantFrom("1", "30", "x,y", "auto", "0/4", "100MiB", "127.0.0.1:80", "", "-");
  const valid = options.map((field) => {
    const name = fc.constantFrom<string>(...field.names);
    if (field.value === undefined) return name.map((name) => [name]);
    return fc.tuple(name, value(field), fc.boolean()).map(([name, value, inline]) =>
      inline ? [`${name}=${value}`] : [name, value]
    );
  });
  const names = options.flatMap(({ names }) => names);
  return fc.oneof(
    ...valid,
    fc.constantFrom("m", "t.py", "out", "8080", "list", "bash", "job", "a b", "ü").map((word) => [word]),
    fc.constantFrom("--", "-", "", "--help", "-h", "--nope", "-z", "--=", "-1", "-w2", "-qo").map((word) => [word]),
    fc.tuple(fc.constantFrom("", ...names), fc.constantFrom("", "=", "x", "=--")).map(([name, end]) => [name + end]),
  );
}

for (const listed of COMMANDS) {
  Deno.test(`read() parses command lines of ${listed.name} as the library does, or leaves them to it`, async () => {
    const command = await listed.load();
    const forms = [command.form, ...command.otherForms?.map(({ form }) => form) ?? []];
    for (const form of forms) {
      const parser = parserOf(form);
      const line = fc.array(wordsFor(Object.values(form.fields)), { maxLength: 6 }).map((words) => words.flat());
      fc.assert(
        fc.property(line, (words) => {
          const quick = read(form, words);
          if (quick.kind === "parsed") deepEqual(parse(parser, words), { success: true, value: quick.value });
          else if (quick.word === "--help" || quick.word === "-h") ok(!parse(parser, words).success);
        }),
        { numRuns: 60 },
      );
    }
  });
}

Deno.test("the library's parser is loaded late: only files that are imported late import it", () => {
  const late = ["options/parser.ts", "completion/action.ts", "help/slip.ts"];
  const folder = new URL("../../../../src/cli/", import.meta.url);
  const importers: string[] = [];
  const search = (path: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(new URL(path, folder))) {
      if (isDirectory && name !== "templates") search(`${path}${name}/`);
      if (!name.endsWith(".ts")) continue;
      const text = Deno.readTextFileSync(new URL(`${path}${name}`, folder));
      const values = text.matchAll(/^import (?!type)[^;]*"(?:@optique\/[^"]+|[^"]*\/(?:parser|slip)\.ts)";/gm);
      if ([...values].length > 0) importers.push(`${path}${name}`);
    }
  };
  search("./");
  deepEqual(importers.map((path) => path.replace("./", "")).sort(), late.toSorted());
});
