/** `aimodellib unpack` */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { argument, flag } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { limits, trust } from "../archives/options.ts";
import { defineCommand } from "../command.ts";

const parser = merge(
  object("Options", {
    quiet: withDefault(flag("--quiet", "-q", { description: message`Print errors only.` }), false),
    archive: argument(string({ metavar: "archive" }), {
      description: message`The Model Archive; ${"-"} for standard input.`,
    }),
    folder: argument(string({ metavar: "folder" }), {
      description: message`The folder to unpack to; it is made, or is empty.`,
    }),
  }),
  trust,
  limits,
);

/** Unpacks a Model Archive: all of it, or nothing. */
export const unpack = defineCommand({
  name: "unpack",
  brief: message`Unpack a Model Archive.`,
  description: message`Checks everything that ${"verify"} does, and writes all files or none.`,
  parser,
  async run(options, io) {
    const { runUnpacking } = await import("./action.ts");
    return await runUnpacking(options, io);
  },
});
