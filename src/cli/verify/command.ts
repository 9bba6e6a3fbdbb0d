/** `aimodellib verify` */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, flag, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { limits, trust } from "../archives/options.ts";
import { defineCommand } from "../command.ts";
import { check } from "../options/values.ts";

const parser = merge(
  object("Options", {
    checksum: optional(
      option("--checksum", string({ metavar: "sha256:DIGITS" }), {
        description: message`What the archive's SHA-256 must be.`,
      }),
    ),
    quiet: withDefault(flag("--quiet", "-q", { description: message`Print errors only.` }), false),
    archive: argument(string({ metavar: "archive" }), {
      description: message`The Model Archive; ${"-"} for standard input.`,
    }),
  }),
  trust,
  limits,
  check,
);

/** Checks a Model Archive. */
export const verify = defineCommand({
  name: "verify",
  brief: message`Check a Model Archive.`,
  description: message`Ends with 1 if the archive is damaged, unsafe, or not what its manifest says.`,
  parser,
  async run(options, io) {
    const { runVerifying } = await import("./action.ts");
    return await runVerifying(options, io);
  },
});
