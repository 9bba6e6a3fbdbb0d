/** `aimodellib cache` */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, flag, option } from "@optique/core/primitives";
import { choice, integer } from "@optique/core/valueparser";
import { defineCommand } from "../command.ts";

const parser = object("Options", {
  olderThanDays: optional(
    option("--older-than", integer({ min: 0, metavar: "DAYS" }), {
      description: message`Only what was not used for so many days.`,
    }),
  ),
  json: withDefault(flag("--json", { description: message`Print the list as JSON.` }), false),
  action: withDefault(
    argument(choice(["list", "prune"], { metavar: "action" }), {
      description: message`${"list"} shows what is kept, ${"prune"} removes it unless it is in use.`,
    }),
    "list" as const,
  ),
});

/** Shows and removes what is kept. */
export const cache = defineCommand({
  name: "cache",
  brief: message`Show or remove unpacked archives and environments that are kept.`,
  description: message`They are made again when they are needed.`,
  parser,
  async run(options, io) {
    const { runCache } = await import("./action.ts");
    return await runCache(options, io);
  },
});
