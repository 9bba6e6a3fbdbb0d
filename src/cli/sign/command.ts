/** `aimodellib sign` */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, flag, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { limits, passwordFile, secretKey } from "../archives/options.ts";
import { defineCommand } from "../command.ts";

const parser = merge(
  object("Options", {
    secretKey,
    passwordFile,
    signature: optional(
      option("--signature", "-x", string({ metavar: "FILE" }), {
        description: message`Where the signature is written. [the archive's path and ${".minisig"}]`,
      }),
    ),
    trustedComment: optional(
      option("--trusted-comment", "-t", string({ metavar: "TEXT" }), {
        description: message`What is signed with the archive, and shown to who verifies. [time and file name]`,
      }),
    ),
    quiet: withDefault(flag("--quiet", "-q", { description: message`Print errors only.` }), false),
    archive: argument(string({ metavar: "archive" }), { description: message`The Model Archive.` }),
  }),
  limits,
);

/** Signs a Model Archive. */
export const sign = defineCommand({
  name: "sign",
  brief: message`Sign a Model Archive.`,
  description:
    message`Reads the archive as ${"verify"} does, and writes a signature in the format of ${"minisign"} beside it.`,
  parser,
  async run(options, io) {
    const { runSigning } = await import("./action.ts");
    return await runSigning(options, io);
  },
});
