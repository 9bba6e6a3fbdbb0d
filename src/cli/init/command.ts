/** `aimodellib init` */

import { defineCommand } from "../command.ts";
import { folder } from "../options/paths.ts";
import { oneOf } from "../options/values.ts";
import { TEMPLATE_NAMES } from "./names.ts";
import { form } from "../options/form.ts";
import { message } from "../options/message.ts";
import { argument, option, withDefault } from "../options/option.ts";

const line = form({
  template: withDefault(
    option("--template", "-t", oneOf(TEMPLATE_NAMES, "TEMPLATE"), {
      description:
        message`${"plain"} needs no packages; ${"scikit-learn"} and ${"pytorch"} need the package of that name; ${"stream"} answers in parts, as a language model does.`,
    }),
    "plain",
  ),
  folder: withDefault(
    argument(folder("DIR"), { description: message`The folder to write to; created if missing.` }),
    ".",
  ),
});

/** Writes the files of a new model. */
export const init = defineCommand({
  description:
    message`Writes files that can be trained and served unchanged, and prints the next commands. Never overwrites a file.`,
  examples: [
    { does: "Begin in the folder iris", line: "aimodellib init iris" },
    { does: "Begin with scikit-learn", line: "aimodellib init iris --template scikit-learn" },
  ],
  form: line,
  async run(options, io) {
    const { runInit } = await import("./action.ts");
    return await runInit(options, io);
  },
});
