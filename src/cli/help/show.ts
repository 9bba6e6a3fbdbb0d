/** Prints the help of a command. */

import type { AnyCommand, Listed } from "../command.ts";
import type { Io } from "../terminal/io.ts";
import { pageOf } from "./page.ts";
import { helpOf, lookOf } from "./text.ts";

/** Prints the help of a command to standard output. */
export function showCommand(listed: Listed, command: AnyCommand, io: Io): void {
  io.raw.stdout(`${helpOf(pageOf(listed, command), lookOf(io))}\n`);
}
