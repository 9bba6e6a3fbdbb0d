/** The command `verify`: its options and its help. */

import { limitFields, trustFields } from "../archives/options.ts";
import { defineCommand } from "../command.ts";
import { archiveFile } from "../options/paths.ts";
import { checkFields } from "../options/values.ts";
import { form } from "../options/form.ts";
import { message } from "../options/message.ts";
import { argument, flag, option, unset, withDefault } from "../options/option.ts";
import { text } from "../options/text.ts";

const line = form({
  checksum: unset(
    option("--checksum", text("sha256:DIGITS"), {
      description: message`The SHA-256 that the archive must have.`,
    }),
    message`any`,
  ),
  json: withDefault(flag("--json", { description: message`Print the result as JSON.` }), false),
  quiet: withDefault(flag("--quiet", "-q", { description: message`Print errors only.` }), false),
  archive: argument(archiveFile(), {
    description: message`The Model Archive; ${"-"} for standard input.`,
  }),
  ...trustFields,
  ...limitFields,
  ...checkFields,
});

/** Checks a Model Archive to its end. */
export const verify = defineCommand({
  description: message`Exits with 1 if the archive is corrupt or unsafe, or does not match its manifest.`,
  examples: [
    {
      does: "Check that an archive is whole, safe, and what its manifest says",
      line: "aimodellib verify model.tar.gz",
    },
    { does: "Check the signature as well", line: "aimodellib verify --key aimodellib.pub model.tar.gz" },
  ],
  form: line,
  async run(options, io) {
    const { runVerifying } = await import("./action.ts");
    return await runVerifying(options, io);
  },
});
