/** The command `inspect`: its options and its help. */

import { limitFields } from "../archives/options.ts";
import { defineCommand } from "../command.ts";
import { folderOrArchive } from "../options/paths.ts";
import { form } from "../options/form.ts";
import { message } from "../options/message.ts";
import { argument, flag, withDefault } from "../options/option.ts";

const line = form({
  manifest: withDefault(
    flag("--manifest", {
      description: message`Print only the manifest, without reading the rest of the archive.`,
    }),
    false,
  ),
  json: withDefault(flag("--json", { description: message`Print everything as JSON.` }), false),
  archive: argument(folderOrArchive("archive"), {
    description: message`The Model Archive, or a folder with a ${"manifest.json"}; ${"-"} for standard input.`,
  }),
  ...limitFields,
});

/** Shows the content of a Model Archive. */
export const inspect = defineCommand({
  examples: [
    { does: "Show the manifest and the files", line: "aimodellib inspect model.tar.gz" },
    { does: "Print the manifest alone", line: "aimodellib inspect --manifest model.tar.gz" },
  ],
  form: line,
  async run(options, io) {
    const { runInspecting } = await import("./action.ts");
    return await runInspecting(options, io);
  },
});
