/** `aimodellib inspect` */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { argument, flag } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { limits } from "../archives/options.ts";
import { defineCommand } from "../command.ts";

const parser = merge(
  object("Options", {
    manifest: withDefault(
      flag("--manifest", {
        description: message`Print the manifest alone, as soon as it is found: at once if it comes first.`,
      }),
      false,
    ),
    json: withDefault(flag("--json", { description: message`Print all as JSON.` }), false),
    archive: argument(string({ metavar: "archive" }), {
      description: message`The Model Archive, or a folder with a ${"manifest.json"}; ${"-"} for standard input.`,
    }),
  }),
  limits,
);

/** Shows what is in a Model Archive. */
export const inspect = defineCommand({
  name: "inspect",
  brief: message`Show what is in a Model Archive.`,
  parser,
  async run(options, io) {
    const { runInspecting } = await import("./action.ts");
    return await runInspecting(options, io);
  },
});
