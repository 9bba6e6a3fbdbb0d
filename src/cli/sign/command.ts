/** The command `sign`: its options and its help. */

import { limitFields, passwordFile, secretKey } from "../archives/options.ts";
import { defineCommand } from "../command.ts";
import { archiveFile, file } from "../options/paths.ts";
import { form } from "../options/form.ts";
import { message } from "../options/message.ts";
import { argument, flag, option, unset, withDefault } from "../options/option.ts";
import { text } from "../options/text.ts";

const line = form({
  secretKey,
  passwordFile,
  signature: unset(
    option("--signature", "-x", file(), { description: message`The file for the signature.` }),
    message`the archive's path and ${".minisig"}`,
  ),
  trustedComment: unset(
    option("--trusted-comment", "-t", text("TEXT"), {
      description: message`A text that is signed together with the archive and shown after verification.`,
    }),
    message`time and file name`,
  ),
  quiet: withDefault(flag("--quiet", "-q", { description: message`Print errors only.` }), false),
  json: withDefault(flag("--json", { description: message`Print the result as JSON.` }), false),
  archive: argument(archiveFile(), { description: message`The Model Archive.` }),
  ...limitFields,
});

/** Signs a Model Archive. */
export const sign = defineCommand({
  description:
    message`Reads the archive as ${"verify"} does, and writes a signature in the format of ${"minisign"} beside it.`,
  examples: [
    { does: "Write model.tar.gz.minisig, with the key in aimodellib.key", line: "aimodellib sign model.tar.gz" },
    { does: "Sign with another key", line: "aimodellib sign -s team.key model.tar.gz" },
  ],
  form: line,
  async run(options, io) {
    const { runSigning } = await import("./action.ts");
    return await runSigning(options, io);
  },
});
