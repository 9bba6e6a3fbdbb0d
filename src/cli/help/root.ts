/** `aimodellib --help` */

import type { Listed } from "../command.ts";
import type { Io } from "../terminal/io.ts";
import { lookOf, rootHelpOf } from "./text.ts";

/** Describes the program in one sentence. */
export const BRIEF = "Train and serve Python models, with nothing installed into their environment.";

/** The options that take the place of a command. */
const ROOT_OPTIONS = [
  ["-h, --help", "Show this help."],
  ["-V, --version", "Show the version, and how this executable was built; with --json as JSON."],
] as const;

/** The first two command lines of a new user. */
export const ROOT_EXAMPLES = [
  { does: "Train a model, and save it to the folder out", line: "aimodellib train iris train.py out" },
  { does: "Serve it at http://127.0.0.1:8080/", line: "aimodellib serve iris serve.py out" },
];

/** Prints the help of the program. */
export function showRoot(commands: readonly Listed[], io: Io): void {
  const listed = commands.map(({ name, brief }) => [name, brief] as const);
  const help = { brief: BRIEF, commands: listed, options: ROOT_OPTIONS, examples: ROOT_EXAMPLES };
  io.raw.stdout(`${rootHelpOf(help, lookOf(io))}\n`);
}
