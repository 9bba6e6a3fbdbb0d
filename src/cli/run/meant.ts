/** Recognizes command lines with a script's whole path, or without a script, and suggests the correct form. */

import { stat } from "../../files.ts";
import { quote } from "../terminal/quote.ts";
import { namesArchive } from "./form.ts";

/** The command, and the default name of its scripts. */
export interface MeantCommand {
  readonly name: "train" | "serve" | "predict";
  /** The name that `package` looks for. */
  readonly usual: "train.py" | "serve.py";
}

/** A server without the beginning of its URL, such as `localhost:8080`. */
const HOST_AND_PORT = /^(?:[\w.-]+|\[[\da-f:]+\]):\d{1,5}(?:\/|$)/i;

/**
 * Recognizes `serve iris/serve.py out`, for which it suggests `serve iris serve.py out`, and `serve iris` and `serve iris out`, which lack
 * the script; for `predict`, also `localhost:8080`, which lacks `http://`.
 *
 * @param words the arguments that are not options
 * @returns what is wrong, and a suggestion; undefined if the arguments may be correct
 */
export function meantForm(
  { name, usual }: MeantCommand,
  words: readonly string[],
): readonly [string, string] | undefined {
  const [first, second, ...others] = words;
  if (first === undefined) return undefined;
  if (first.endsWith(".py") && stat(first)?.isFile) {
    const slash = first.lastIndexOf("/");
    const module = slash < 0 ? "." : first.slice(0, slash) || "/";
    const rest = second === undefined ? ["MODEL_DIR"] : [second, ...others];
    return [
      `'${first}' is a script: pass the folder of its module before it`,
      did(name, [module, first.slice(slash + 1), ...rest]),
    ];
  }
  if (name === "predict" && HOST_AND_PORT.test(first) && stat(first) === undefined) {
    const url = `http://${first}${first.includes("/") ? "" : "/"}`;
    return [`'${first}' is not a URL`, did(name, [url, ...words.slice(1)])];
  }
  if (!stat(first)?.isDirectory || namesArchive(first, second)) return undefined;
  if (second !== undefined && !isModelDir(first, second, others)) return undefined;
  const script = stat(`${first}/${usual}`)?.isFile ? usual : "SCRIPT";
  return [
    second === undefined ? "The script is missing" : `'${second}' is not a script of the module '${first}'`,
    did(name, [first, script, ...(second === undefined ? ["MODEL_DIR"] : [second, ...others])]),
  ];
}

/** Whether the word after a module is the model directory, rather than a script with a wrong name. */
function isModelDir(module: string, word: string, others: readonly string[]): boolean {
  if (word.endsWith(".py") || stat(`${module}/${word}`)?.isFile || stat(`${module}/${word}.py`)?.isFile) return false;
  const found = stat(word);
  return found === undefined ? others.length === 0 : found.isDirectory;
}

function did(name: string, words: readonly string[]): string {
  return `Did you mean: aimodellib ${[name, ...words].map(quote).join(" ")}`;
}
