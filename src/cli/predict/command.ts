/** `aimodellib predict` */

import { defineCommand } from "../command.ts";
import { isUrl } from "../../client/endpoint.ts";
import { anyPath, folder, folderOrArchive, script } from "../options/paths.ts";
import { scan } from "../options/scan.ts";
import { namesArchive } from "../run/form.ts";
import { meantForm } from "../run/meant.ts";
import { predictFields } from "./options.ts";
import { type Form, form, mapped, type ValuesOf } from "../options/form.ts";
import { message } from "../options/message.ts";
import { argument, multiple } from "../options/option.ts";
import { text } from "../options/text.ts";

const inputs = multiple(argument(anyPath("input"), {
  description: message`Files, folders, or ${"-"} for standard input, which is also the default.`,
}));

const line: Form<ParsedPredict> = form({
  ...predictFields,
  module: argument(folderOrArchive("inference_module"), {
    description: message`The folder with the serving script and the source files that it imports.`,
  }),
  script: argument(script("inference_script"), {
    description: message`The script's path, relative to that folder.`,
  }),
  modelDir: argument(folder("model_dir"), {
    description: message`The folder to read artifacts from.`,
  }),
  inputs,
});

/** The form for an archive, packed or unpacked. Only the opened archive shows whether a model directory follows. */
const archiveLine = mapped(
  form({
    ...predictFields,
    module: argument(folderOrArchive("archive")),
    words: multiple(argument(anyPath("model_dir"))),
  }),
  ({ words, ...parsed }): ParsedPredict => ({ ...parsed, script: undefined, modelDir: undefined, inputs: words }),
);

const urlLine = mapped(
  form({ ...predictFields, module: argument(text("url")), inputs }),
  (parsed): ParsedPredict => ({ ...parsed, script: undefined, modelDir: undefined }),
);

/** The result of parsing any form of the command line. */
interface ParsedPredict extends ValuesOf<typeof predictFields> {
  readonly module: string;
  readonly script: string | undefined;
  readonly modelDir: string | undefined;
  readonly inputs: readonly string[];
}

/** The command `predict`: its options, its help and its action. */
export const predict = defineCommand({
  description:
    message`Calls the functions of a script for each input, and writes the answers to standard output or to files. A Model Archive, or the URL of a running server, can replace ${"inference_module"} and ${"inference_script"}: ${"aimodellib predict http://127.0.0.1:8080/ sample.json"}.`,
  examples: [
    { does: "Predict one input, and print the answer", line: "aimodellib predict iris serve.py out sample.json" },
    {
      does: "Predict each line of a file with four workers; after an interruption, the same command resumes",
      line: "aimodellib predict model.tar.gz out records.jsonl -o answers.jsonl --workers 4",
    },
  ],
  form: line,
  meant: (given) => meantForm({ name: "predict", usual: "serve.py" }, wordsOf(given)),
  scriptsIn: (before) => before.at(-1) ?? ".",
  otherForms: [{
    form: urlLine,
    begins: true,
    fits: (given) => isUrl(wordsOf(given)[0] ?? ""),
  }, {
    form: archiveLine,
    begins: true,
    fits(given) {
      const [first, next] = wordsOf(given);
      return first !== undefined && namesArchive(first, next);
    },
  }],
  async run(options, io) {
    const { runPredicting } = await import("./action.ts");
    return await runPredicting(options, io);
  },
});

/** Returns the arguments that are not options; an empty array if an option is unknown. */
function wordsOf(given: readonly string[]): readonly string[] {
  return scan(predictFields, given)?.words ?? [];
}
