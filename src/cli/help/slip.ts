/** Makes the messages about invalid command lines: two lines, the second of which says what to do. */

import { formatMessage, type Message, type MessageTerm } from "@optique/core/message";
import { findSimilar } from "@optique/core/suggestion";
import { UsageError } from "../../errors.ts";
import { PROGRAM } from "./page.ts";

/**
 * Makes the error for a first word that is not a command.
 *
 * @param known the commands, and the options that take the place of one
 */
export function unknownCommand(word: string, known: readonly string[]): UsageError {
  const kind = word.startsWith("-") ? "option" : "command";
  const bare = word.replace(/^-+/, "");
  // `version` is meant for `--version`, and `--serve` for `serve`.
  const exact = known.find((name) => name.replace(/^-+/, "") === bare);
  const begun = known.filter((name) => bare.length > 1 && name.startsWith(word));
  const similar = exact !== undefined ? [exact] : begun.length > 0 ? begun : findSimilar(word, known);
  return new UsageError([`Unknown ${kind} '${word}'`, suggestion(similar) ?? `See '${PROGRAM} --help'`]);
}

/**
 * Makes the error for arguments that a command's parser rejects.
 *
 * @param error the parser's message
 * @param usage the form of the command line
 */
export function slip(command: string, error: Message, usage: string): UsageError {
  // The parser puts its suggestions after an empty line.
  const end = error.findIndex(breaksLine);
  const complaint = end < 0 ? error : error.slice(0, end);
  const similar = (end < 0 ? [] : error.slice(end)).flatMap(namesIn);
  const missing = missingArgument(complaint);
  const advice = suggestion(similar) ??
    (missing === undefined ? `See '${PROGRAM} help ${command}'` : `The form is '${PROGRAM} ${command} ${usage}'`);
  if (missing !== undefined) return new UsageError([`<${missing}> is missing`, advice]);
  return new UsageError([unknownOption(complaint) ?? formatMessage(complaint).replace(/\.$/, ""), advice]);
}

/** Returns the word that the parser does not know, if that is the error. */
function unknownOption([first, second]: Message): string | undefined {
  if (first?.type !== "text" || second?.type !== "value" || !first.text.startsWith("Unexpected ")) return undefined;
  return second.value.startsWith("-") ? `Unknown option '${second.value}'` : `Unexpected argument '${second.value}'`;
}

/** Returns the missing argument, if that is the error. */
function missingArgument([, argument, rest]: Message): string | undefined {
  if (argument?.type !== "metavar" || rest?.type !== "text" || !rest.text.includes("too few")) return undefined;
  return argument.metavar;
}

function breaksLine(term: MessageTerm): boolean {
  return term.type === "lineBreak" || (term.type === "text" && term.text.startsWith("\n"));
}

function namesIn(term: MessageTerm): readonly string[] {
  if (term.type === "optionName") return [term.optionName];
  return term.type === "value" ? [term.value] : [];
}

function suggestion(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  return `Did you mean ${names.slice(0, 3).map((name) => `'${name}'`).join(" or ")}?`;
}
