/** `aimodellib help` */

import { defineCommand } from "../command.ts";
import { ExitCode } from "../errors.ts";
import { form } from "../options/form.ts";
import { message } from "../options/message.ts";
import { argument, optional } from "../options/option.ts";
import { text } from "../options/text.ts";

const line = form({
  command: optional(
    argument(text("command"), {
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
  form: line,
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
