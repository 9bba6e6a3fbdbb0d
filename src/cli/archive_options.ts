/** What the commands that read an archive have in common. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { integer } from "@optique/core/valueparser";
import { size } from "./options.ts";

/** How much an archive may be. */
export const limits = object("Limits", {
  maxEntries: withDefault(
    option("--max-entries", integer({ min: 1, metavar: "N" }), { description: message`The most entries.` }),
    200_000,
  ),
  maxSize: withDefault(
    option("--max-size", size(), { description: message`The most bytes of all files together.` }),
    2 ** 40,
  ),
  maxRatio: withDefault(
    option("--max-ratio", integer({ min: 1, metavar: "N" }), {
      description: message`How many times larger than the archive its content may be.`,
    }),
    200,
  ),
});
