/** The command `cache`: its options and its help. */

import { defineCommand } from "../command.ts";
import { oneOf, whole } from "../options/values.ts";
import { form } from "../options/form.ts";
import { message } from "../options/message.ts";
import { argument, flag, option, unset, withDefault } from "../options/option.ts";

const line = form({
  olderThanDays: unset(
    option("--older-than", whole("DAYS", 0), {
      description: message`Limit to entries that have not been used for this many days.`,
    }),
    message`all`,
  ),
  json: withDefault(flag("--json", { description: message`Print the list as JSON.` }), false),
  action: withDefault(
    argument(oneOf(["list", "prune"], "action"), {
      description: message`${"list"} shows the entries of the cache; ${"prune"} removes those that are not in use.`,
    }),
    "list" as const,
  ),
});

/** Lists and removes cached archives and environments. */
export const cache = defineCommand({
  description: message`Removed entries are recreated when they are needed.`,
  examples: [
    { does: "Show cached archives and environments with their sizes", line: "aimodellib cache" },
    { does: "Remove what was not used for 30 days", line: "aimodellib cache prune --older-than 30" },
  ],
  form: line,
  async run(options, io) {
    const { runCache } = await import("./action.ts");
    return await runCache(options, io);
  },
});
