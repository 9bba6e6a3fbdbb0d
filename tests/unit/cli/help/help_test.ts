import assert from "node:assert/strict";
import { COMMANDS } from "../../../../src/cli/commands.ts";
import { pageOf } from "../../../../src/cli/help/page.ts";
import { helpOf, lookOf } from "../../../../src/cli/help/text.ts";
import { widthOf } from "../../../../src/cli/help/words.ts";
import { read } from "../../../../src/cli/options/read.ts";
import { run } from "../../../../src/cli/program.ts";
import { FakeIo } from "../../helper/fake_io.ts";

for (const listed of COMMANDS) {
  Deno.test(`help shows two examples of ${listed.name} whose lines the quick parser parses`, async () => {
    const command = await listed.load();
    assert.equal(command.examples.length, 2);
    for (const { line } of command.examples) {
      // Redirections and the like are not part of the command line.
      const [, words] = /\baimodellib ([^>)]*)/.exec(line)!;
      const [name, ...others] = words!.trim().split(" ");
      assert.equal(name, listed.name);
      const forms = [command.form, ...command.otherForms?.map(({ form }) => form) ?? []];
      assert.ok(forms.some((form) => read(form, others).kind === "parsed"), line);
    }
  });

  Deno.test(`help describes each argument and option of ${listed.name}`, async () => {
    const { arguments: args, groups } = pageOf(listed, await listed.load());
    for (const entry of [...args, ...groups.flatMap(({ entries }) => entries)]) {
      assert.ok(entry.description.length > 0, entry.names.join());
    }
  });

  for (const width of [40, 80, 120]) {
    Deno.test(`help of ${listed.name} fits into ${width} columns`, async () => {
      const page = pageOf(listed, await listed.load());
      // An example stays on one line, since users copy it.
      const shown = new Set(page.examples.map(({ line }) => `  ${line}`));
      const lines = helpOf(page, { width, colors: false }).split("\n").filter((line) => !shown.has(line));
      // A longer word can't be broken.
      const wide = lines.filter((line) => widthOf(line) > width && line.trim().includes(" "));
      assert.deepEqual(wide, []);
    });
  }
}

/** Returns the help of a command as text for 80 columns. */
async function helpFor(name: string, width = 80): Promise<string> {
  const listed = COMMANDS.find((command) => command.name === name)!;
  return helpOf(pageOf(listed, await listed.load()), { width, colors: false });
}

Deno.test("help of serve lists its options in groups", async () => {
  const titles = Array.from((await helpFor("serve")).matchAll(/^(\w.*):$/gm), ([, title]) => title);
  assert.deepEqual(titles, [
    "Arguments",
    "Model",
    "Network",
    "Workers",
    "Serving limits",
    "Log",
    "Environment",
    "Signature",
    "Archive limits",
    "Options",
    "Examples",
  ]);
});

for (
  const [name, option, notes] of [
    ["serve", "--install WHEN", "[auto|always|never; default: auto]"],
    ["serve", "--max-body SIZE", "[default: 100 MiB]"],
    ["serve", "--queue-timeout SECONDS", "[above 0; default: 30 s]"],
    ["serve", "--queue-size N", "[0 or more; default: 10,000]"],
    ["serve", "--port PORT", "[0 to 65535; default: the platform's, or 8080]"],
    ["serve", "--token-file FILE", "[env: AIMODELLIB_TOKEN; default: no authentication]"],
    ["train", "--stop-timeout SECONDS", "[above 0; default: 30 s]"],
    ["verify", "--max-size SIZE", "[default: 1 TiB]"],
    ["package", "--output FILE", "[default: model.tar.gz]"],
  ] as const
) {
  Deno.test(`help of ${name} says of ${option}: ${notes}`, async () => {
    const line = (await helpFor(name, 1000)).split("\n").find((line) => line.includes(` ${option} `));
    assert.ok(line?.endsWith(notes), line);
  });
}

for (
  const [columns, terminal, width] of [
    ["40", 100, 40],
    ["", 100, 100],
    ["wide", 100, 100],
    ["0", undefined, 80],
    ["", undefined, 80],
    ["1", 100, 30],
    ["99999", undefined, 120],
  ] as const
) {
  Deno.test(`help wraps lines at ${width} columns when COLUMNS is '${columns}' and the terminal has ${terminal}`, () => {
    const io = new FakeIo({ COLUMNS: columns });
    assert.equal(lookOf({ env: io.env, colors: false, columns: terminal }).width, width);
  });
}

Deno.test("help of a command is the same with --help and with the command help", async () => {
  for (const { name } of COMMANDS) {
    const [first, second] = [new FakeIo(), new FakeIo()];
    assert.equal(await run(["help", name], first), 0);
    assert.equal(await run([name, "--help"], second), 0);
    assert.equal(first.out, second.out);
    assert.ok(
      first.out.startsWith(`${COMMANDS.find((command) => command.name === name)!.brief}\n\nUsage: aimodellib ${name} `),
    );
  }
});

Deno.test("the program's help lists all commands above its options", async () => {
  const [first, second] = [new FakeIo(), new FakeIo()];
  await run(["--help"], first);
  await run(["help"], second);
  assert.equal(first.out, second.out);
  const [commands] = first.out.split("\nOptions:\n");
  for (const { name, brief } of COMMANDS) {
    assert.ok(commands!.includes(`  ${name} `) && commands!.includes(brief), name);
  }
});
