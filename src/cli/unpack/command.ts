/** The command `unpack`: its options and its help. */

import { limitFields, trustFields } from "../archives/options.ts";
import { defineCommand } from "../command.ts";
import { archiveFile, folder } from "../options/paths.ts";
import { form } from "../options/form.ts";
import { message } from "../options/message.ts";
import { argument, flag, withDefault } from "../options/option.ts";

const line = form({
  quiet: withDefault(flag("--quiet", "-q", { description: message`Print errors only.` }), false),
  json: withDefault(flag("--json", { description: message`Print the result as JSON.` }), false),
  archive: argument(archiveFile(), {
    description: message`The Model Archive; ${"-"} for standard input.`,
  }),
  folder: argument(folder("folder"), {
    description: message`The folder to unpack to; created if missing, or else empty.`,
  }),
  ...trustFields,
  ...limitFields,
});

/** Unpacks a Model Archive completely, or not at all. */
export const unpack = defineCommand({
  description: message`Checks the archive as ${"verify"} does, and writes all files or none.`,
  examples: [
    { does: "Unpack to the new folder iris", line: "aimodellib unpack model.tar.gz iris" },
    {
      does: "Unpack only what this key has signed",
      line: "aimodellib unpack --key aimodellib.pub model.tar.gz iris",
    },
  ],
  form: line,
  async run(options, io) {
    const { runUnpacking } = await import("./action.ts");
    return await runUnpacking(options, io);
  },
});
