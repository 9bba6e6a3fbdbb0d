/** The command `sign`: its parser and its help. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { argument } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { limitFields, passwordFile, secretKey } from "../archives/options.ts";
import { defineCommand } from "../command.ts";
import { flag, option, unset } from "../options/option.ts";
import { archiveFile, file } from "../options/paths.ts";

const parser = object({
  secretKey,
  passwordFile,
  signature: unset(
    option("--signature", "-x", file(), { description: message`The file for the signature.` }),
    message`the archive's path and ${".minisig"}`,
  ),
  trustedComment: unset(
    option("--trusted-comment", "-t", string({ metavar: "TEXT" }), {
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
  parser,
  async run(options, io) {
    const { runSigning } = await import("./action.ts");
    return await runSigning(options, io);
  },
});
