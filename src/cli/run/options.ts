/** The options that `train` and `serve` share. */

import { limitFields, trustFields } from "../archives/options.ts";
import { folder } from "../options/paths.ts";
import { oneOf, python, size, whole } from "../options/values.ts";
import { message } from "../options/message.ts";
import { flag, grouped, option, unset, withDefault } from "../options/option.ts";
import { text } from "../options/text.ts";

/** The options for logs, the Python and the installation of requirements. */
export const runFields = {
  ...grouped("Environment", {
    python: python(),
    install: withDefault(
      option("--install", oneOf(["auto", "always", "never"], "WHEN"), {
        description:
          message`When to install ${"requirements.txt"}: if some of its packages are missing, at each start, or never.`,
      }),
      "auto" as const,
    ),
  }),
  exitWithParent: withDefault(
    flag("--exit-with-parent", {
      description: message`Stop, as after SIGTERM, when the process that has started this one ends.`,
    }),
    false,
  ),
  ...trustFields,
  ...limitFields,
  ...grouped("Log", {
    runDir: withDefault(
      option("--run-dir", folder(), { description: message`The base folder for logs.` }),
      ".",
    ),
    logDir: unset(
      option("--log-dir", "-L", folder(), {
        description: message`The folder for log files, relative to ${"--run-dir"}.`,
      }),
      message`from the manifest; no log for a module`,
    ),
    logNameFormat: unset(
      option("--log-name-format", "-l", text("FORMAT"), {
        description: message`The name of log files, as a ${"strftime"} format.`,
      }),
      message`from the manifest, or ${"%Y-%m-%dT%H-%M-%S.log"}`,
    ),
    logMaxSize: unset(
      option("--log-max-size", size(), { description: message`Start another log file when one exceeds this size.` }),
      message`no limit`,
    ),
    logMaxFiles: unset(
      option("--log-max-files", whole("N", 1), { description: message`Keep at most this many log files of a run.` }),
      message`no limit`,
    ),
  }),
};
