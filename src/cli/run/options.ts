/** The options that `train` and `serve` share. */

import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { string } from "@optique/core/valueparser";
import { limitFields, trustFields } from "../archives/options.ts";
import { grouped, option, unset } from "../options/option.ts";
import { folder } from "../options/paths.ts";
import { oneOf, python, size, whole } from "../options/values.ts";

/** The options for logs, the Python and the installation of requirements. */
export const runFields = {
  ...grouped("Environment", {
    python: python(),
    install: withDefault(
      option("--install", oneOf(["auto", "always", "never"], "WHEN"), {
        description:
          message`Whether to install ${"requirements.txt"}: if something in it is not there yet, in any case, or not at all.`,
      }),
      "auto" as const,
    ),
  }),
  ...trustFields,
  ...limitFields,
  ...grouped("Log", {
    runDir: withDefault(
      option("--run-dir", folder(), { description: message`The folder from where logs have their paths.` }),
      ".",
    ),
    logDir: unset(
      option("--log-dir", "-L", folder(), { description: message`Where the log file is written, from there.` }),
      message`as the manifest says; no log for a module`,
    ),
    logNameFormat: unset(
      option("--log-name-format", "-l", string({ metavar: "FORMAT" }), {
        description: message`How it is named, for ${"strftime"}.`,
      }),
      message`as the manifest says, or ${"%Y-%m-%dT%H-%M-%S.log"}`,
    ),
    logMaxSize: unset(
      option("--log-max-size", size(), { description: message`Begin another log file when one is longer.` }),
      message`no limit`,
    ),
    logMaxFiles: unset(
      option("--log-max-files", whole("N", 1), { description: message`Keep no more log files of this run.` }),
      message`no limit`,
    ),
  }),
};
