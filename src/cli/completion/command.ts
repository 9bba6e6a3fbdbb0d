/** `aimodellib completion` */

import { defineCommand } from "../command.ts";
import { oneOf } from "../options/values.ts";
import { SHELLS } from "./shells.ts";
import { optionsFirst } from "../options/form.ts";
import { message } from "../options/message.ts";
import { argument, rest } from "../options/option.ts";

const line = optionsFirst({
  shell: argument(oneOf(SHELLS, "shell"), { description: message`The shell to print the script for.` }),
  words: rest(message`The words of a command line, the last of which to complete; for use by the script.`),
});

/** Completes command lines in a shell. */
export const completion = defineCommand({
  description:
    message`The script completes commands, options, their values, and the files, folders, archives and keys that they accept.`,
  examples: [
    { does: "In bash, from now on", line: "source <(aimodellib completion bash)" },
    {
      does: "In fish, in each shell from now on",
      line: "aimodellib completion fish > ~/.config/fish/completions/aimodellib.fish",
    },
  ],
  form: line,
  async run({ shell, words }, io, _args, commands) {
    const { complete } = await import("./action.ts");
    return await complete(shell, words, commands, io);
  },
});
