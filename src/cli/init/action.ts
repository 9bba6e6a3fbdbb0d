/** Carries out `aimodellib init`. */

import { UsageError } from "../../errors.ts";
import { printable } from "../../printable.ts";
import { ExitCode } from "../errors.ts";
import type { Io } from "../terminal/io.ts";
import type { TemplateName } from "./names.ts";
import { templateOf } from "./templates.ts";
import { writeNew } from "./write_new.ts";
import { quote } from "../terminal/quote.ts";

/** The options of the command. */
export interface InitOptions {
  readonly template: TemplateName;
  readonly folder: string;
}

/** How many files a refusal names. */
const MAX_NAMED = 5;

/**
 * Carries out `aimodellib init`: writes a template's files, all or none, and prints the next commands.
 *
 * @returns the exit code
 * @throws {UsageError} if one of the files exists already, or the folder is not a folder
 */
export function runInit({ template, folder }: InitOptions, io: Io): Promise<number> {
  const { files, sample } = templateOf(template);
  // The next commands would take a name that begins with a dash for an option.
  const root = folder === "" ? "." : folder.startsWith("-") ? `./${folder}` : folder;
  const there = writeNew(root, files);
  if (there.length > 0) {
    const named = there.slice(0, MAX_NAMED).map((path) => `'${printable(path)}'`).join(", ");
    const rest = there.length > MAX_NAMED ? ` and ${there.length - MAX_NAMED} more` : "";
    throw new UsageError(
      `${named}${rest} ${
        there.length === 1 ? "exists" : "exist"
      } already: nothing was written. Name another folder, such as 'aimodellib init model'`,
    );
  }
  const paths = Object.keys(files);
  const shown = paths.filter((path) => !path.startsWith("typings/")).join(", ");
  const inFolder = (name: string) => quote(root === "." ? name : `${root.replace(/\/+$/, "")}/${name}`);
  const stream = template === "stream" ? " -N" : "";
  io.stdout(`Wrote to '${printable(root)}': ${shown}, and typings/ for editors.

Next:
  aimodellib train ${quote(root)} train.py ${inFolder("model")}
  aimodellib serve ${quote(root)} serve.py ${inFolder("model")}
  curl${stream} -H 'Content-Type: ${sample.contentType}' --data-binary @${inFolder(sample.file)} \
http://127.0.0.1:8080/invocations
`);
  return Promise.resolve(ExitCode.Success);
}
