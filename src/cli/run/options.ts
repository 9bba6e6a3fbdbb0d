/** Options that `train` and `serve` have in common. */

import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { choice, integer, string } from "@optique/core/valueparser";
import { limitFields, trustFields } from "../archives/options.ts";
import { python, size } from "../options/values.ts";

/** Where a run writes, and what it needs to begin. */
export const runFields = {
  python: python(),
  ...trustFields,
  ...limitFields,
  install: withDefault(
    option("--install", choice(["auto", "always", "never"], { metavar: "WHEN" }), {
      description:
        message`Whether to install ${"requirements.txt"}: if something in it is not there yet, in any case, or not at all.`,
    }),
    "auto" as const,
  ),
  runDir: withDefault(
    option("--run-dir", string({ metavar: "DIR" }), {
      description: message`The folder from where logs have their paths.`,
    }),
    ".",
  ),
  logDir: optional(
    option("--log-dir", "-L", string({ metavar: "DIR" }), {
      description: message`Where the log file is written, from there. [as the manifest says; no log for a module]`,
    }),
  ),
  logNameFormat: optional(
    option("--log-name-format", "-l", string({ metavar: "FORMAT" }), {
      description: message`How it is named, for ${"strftime"}. [as the manifest says, or %Y-%m-%dT%H-%M-%S.log]`,
    }),
  ),
  logMaxSize: optional(
    option("--log-max-size", size(), { description: message`Begin another log file when one is longer. [no limit]` }),
  ),
  logMaxFiles: optional(
    option("--log-max-files", integer({ min: 1, metavar: "N" }), {
      description: message`Keep no more log files of this run. [no limit]`,
    }),
  ),
};
