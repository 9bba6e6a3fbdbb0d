/** The program: finds the command, parses its options, runs it, and turns an error into a message and an exit code. */

import { COMMANDS } from "./commands.ts";
import type { AnyCommand, Listed } from "./command.ts";
import { UsageError } from "../errors.ts";
import { ExitCode, explain } from "./errors.ts";
import { read } from "./options/read.ts";
import type { Io } from "./terminal/io.ts";

const HELP = ["--help", "-h"];
const VERSION = ["--version", "-V"];

/**
 * Runs the program: finds the command, parses its options and carries it out.
 *
 * @param args the command line, without the program's name
 * @returns the exit code
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  try {
    const [name, ...words] = args;
    const listed = COMMANDS.find((command) => command.name === name);
    if (listed !== undefined) return await runCommand(listed, words, io);
    if (name !== undefined && VERSION.includes(name)) {
      const { showVersion } = await import("./version/action.ts");
      return await showVersion(words, io);
    }
    if (name === undefined || HELP.includes(name)) {
      const { showRoot } = await import("./help/root.ts");
      showRoot(COMMANDS, io);
      // Without a command there is nothing to do: help is shown, but that was not success.
      return name === undefined ? ExitCode.Usage : ExitCode.Success;
    }
    const { unknownCommand } = await import("./help/slip.ts");
    throw unknownCommand(name, [...COMMANDS.map((command) => command.name), "--help", "--version"]);
  } catch (error) {
    const { message, code } = explain(error);
    io.stderr(`${message}\n`);
    return code;
  }
}

async function runCommand(listed: Listed, words: readonly string[], io: Io): Promise<number> {
  const command = await listed.load();
  const meant = command.meant?.(words);
  if (meant !== undefined) throw new UsageError(meant);
  const form = formFor(command, words);
  const quick = read(form, words);
  if (quick.kind === "parsed") return await command.run(quick.value, io, words, COMMANDS);
  // Where an option is expected, no command knows this one.
  if (quick.word !== undefined && HELP.includes(quick.word)) return await help(listed, command, io);
  const [{ parserOf }, { parse }] = await Promise.all([
    import("./options/parser.ts"),
    import("@optique/core/parser"),
  ]);
  // Without any word, the parser does not name what is missing; `--` alone means the same.
  const parsed = parse(parserOf(form), words.length === 0 ? ["--"] : words);
  if (parsed.success) return await command.run(parsed.value, io, words, COMMANDS);
  if (asksForHelp(words)) return await help(listed, command, io);
  const [{ slip }, { usageOf }] = await Promise.all([import("./help/slip.ts"), import("./help/page.ts")]);
  throw slip(listed.name, parsed.error, usageOf(command.form));
}

async function help(listed: Listed, command: AnyCommand, io: Io): Promise<number> {
  const { showCommand } = await import("./help/show.ts");
  showCommand(listed, command, io);
  return ExitCode.Success;
}

function formFor(command: AnyCommand, words: readonly string[]): AnyCommand["form"] {
  return command.otherForms?.find(({ fits }) => fits(words))?.form ?? command.form;
}

/** Whether a word that the command itself did not take asks for help. */
function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  return words.slice(0, end < 0 ? undefined : end).some((word) => HELP.includes(word));
}
