/** `aimodellib help` */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { argument } from "@optique/core/primitives";
import { defineCommand } from "../command.ts";
import { ExitCode } from "../errors.ts";
import { string } from "@optique/core/valueparser";

const parser = object({
  command: optional(
    argument(string({ metavar: "command" }), {
      description: message`The command to describe. Without it, all commands are listed.`,
    }),
  ),
});

/** Describes a command, or lists all. */
export const help = defineCommand({
  examples: [
    { does: "List the commands", line: "aimodellib help" },
    { does: "Describe one", line: "aimodellib help serve" },
  ],
  parser,
  async run({ command }, io, _words, commands) {
    if (command === undefined) {
      const { showRoot } = await import("./root.ts");
      showRoot(commands, io);
      return ExitCode.Success;
    }
    const listed = commands.find(({ name }) => name === command);
    if (listed === undefined) {
      const { unknownCommand } = await import("./slip.ts");
      throw unknownCommand(command, commands.map(({ name }) => name));
    }
    const { showCommand } = await import("./show.ts");
    showCommand(listed, await listed.load(), io);
    return ExitCode.Success;
  },
});
