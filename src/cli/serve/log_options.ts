/** Options of `serve` that are about its log. */

import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { choice } from "@optique/core/valueparser";

/** What may be chosen. */
export const LOG_FORMATS = ["text", "json"] as const;
/** What may be chosen. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;

/** Format, level, access log. */
export const logFields = {
  logFormat: optional(
    option("--log-format", choice(LOG_FORMATS), {
      description:
        message`How the log is written. [${"AIMODELLIB_LOG_FORMAT"}; text at a terminal, lines of JSON elsewhere]`,
    }),
  ),
  logLevel: optional(
    option("--log-level", choice(LOG_LEVELS), {
      description: message`What is logged, beside what the script prints. [${"AIMODELLIB_LOG_LEVEL"}, or info]`,
    }),
  ),
  accessLog: withDefault(
    flag("--access-log", {
      description: message`Log each request, with the id that ${"X-Request-Id"} says, or one that is made.`,
    }),
    false,
  ),
};
