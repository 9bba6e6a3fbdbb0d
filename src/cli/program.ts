/** The program: finds the command, parses its options, runs it, and turns an error into a message and an exit code. */

import { or } from "@optique/core/constructs";
import { type RunOptions, runParser } from "@optique/core/facade";
import { message } from "@optique/core/message";
import type { Parser } from "@optique/core/parser";
import { command } from "@optique/core/primitives";
import { hideCredentials } from "../credentials.ts";
import { printable } from "../printable.ts";
import { VERSION } from "../version.ts";
import { cache } from "./cache/command.ts";
import type { Command } from "./command.ts";
import { dockerfile } from "./dockerfile/command.ts";
import { doctor } from "./doctor/command.ts";
import { ExitCode, explain } from "./errors.ts";
import type { Io } from "./terminal/io.ts";
import { inspect } from "./inspect/command.ts";
import { keygen } from "./keygen/command.ts";
import { packageCommand } from "./package/command.ts";
import { serve } from "./serve/command.ts";
import { predict } from "./predict/command.ts";
import { sign } from "./sign/command.ts";
import { train } from "./train/command.ts";
import { unpack } from "./unpack/command.ts";
import { verify } from "./verify/command.ts";

const PROGRAM = "aimodellib";

/** In the order in which help lists them. */
// deno-lint-ignore no-explicit-any
const COMMANDS: readonly Command<any>[] = [
  train,
  serve,
  predict,
  packageCommand,
  inspect,
  verify,
  unpack,
  keygen,
  sign,
  dockerfile,
  cache,
  doctor,
];

/** Thrown to leave the parser when it has printed help or an error. */
class Leave {
  constructor(readonly code: number) {}
}

/**
 * Runs the program: finds the command, parses its options and carries it out.
 *
 * @param args the command line, without the program's name
 * @returns the exit code
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  try {
    const [name, ...words] = args;
    const chosen = COMMANDS.find((command) => command.name === name);
    if (chosen === undefined) {
      parseRoot(args, io);
      return ExitCode.Success;
    }
    const parser = chosen.otherForms?.find(({ fits }) => fits(words))?.parser ?? chosen.parser;
    const options = runParser(parser, `${PROGRAM} ${chosen.name}`, words, {
      ...runOptions(io, words),
      brief: chosen.brief,
      ...(chosen.description !== undefined && { description: chosen.description }),
    });
    return await chosen.run(options, io, words);
  } catch (error) {
    if (error instanceof Leave) return error.code;
    const { message, code } = explain(error);
    io.stderr(`${message}\n`);
    return code;
  }
}

/** Help, version, completion, and the complaint about what is no command: always leaves. */
function parseRoot(args: readonly string[], io: Io): never {
  const parsers = COMMANDS.map(({ name, parser, brief, description }) =>
    command(name, parser, { brief, ...(description !== undefined && { description }) })
  );
  // `or` is typed for a fixed number of parsers, which a table has not.
  const root = (or as unknown as (...parsers: readonly Parser<"sync", unknown, unknown>[]) => Parser<"sync">)(
    ...parsers,
  );
  // Without a command there is nothing to do: help is shown, but that was not success.
  const code = args.length === 0 ? ExitCode.Usage : ExitCode.Success;
  runParser(root, PROGRAM, args.length === 0 ? ["--help"] : args, {
    ...runOptions(io, args),
    help: { option: { names: ["--help", "-h"] }, onShow: () => leave(code) },
    brief: message`Train and serve Python models, with nothing installed into their environment.`,
    version: { option: { names: ["--version", "-V"] }, value: VERSION, onShow: () => leave(ExitCode.Success) },
    completion: { command: true, onShow: () => leave(ExitCode.Success) },
    commandList: "top-level",
  });
  throw new Leave(code);
}

function runOptions(io: Io, words: readonly string[]): RunOptions<never, never> {
  // In colours, the parser shows a word as it is. Without, what could control a terminal can be told from what is the parser's own.
  const colors = io.colors && words.every((word) => printable(word) === word);
  return {
    colors,
    ...(io.columns !== undefined && { maxWidth: io.columns }),
    termWidth: "auto",
    showDefault: true,
    help: { option: { names: ["--help", "-h"] }, onShow: () => leave(ExitCode.Success) },
    stdout: (text) => io.raw.stdout(`${text}\n`),
    stderr: (text) => (colors ? io.raw : io).stderr(`${hideCredentials(text)}\n`),
    onError: () => leave(ExitCode.Usage),
  };
}

function leave(code: number): never {
  throw new Leave(code);
}
