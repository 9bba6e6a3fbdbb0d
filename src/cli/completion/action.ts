/** Carries out `aimodellib completion`: prints the script for a shell, or the suggestions that the script asks for. */

import { bash, fish, nu, pwsh, type ShellCompletion, zsh } from "@optique/core/completion";
import { message } from "@optique/core/message";
import { suggest, type Suggestion } from "@optique/core/parser";
import type { AnyCommand, Listed } from "../command.ts";
import { ExitCode } from "../errors.ts";
import { PROGRAM } from "../help/page.ts";
import { parserOf } from "../options/parser.ts";
import type { Io } from "../terminal/io.ts";
import type { SHELLS } from "./shells.ts";

const COMPLETIONS: Readonly<Record<typeof SHELLS[number], ShellCompletion>> = { bash, zsh, fish, nu, pwsh };

/**
 * Prints the script, or the suggestions for the last word.
 *
 * @param words a command line without the program's name; if it is empty, the script is printed
 * @returns the exit code
 */
export async function complete(
  shell: keyof typeof COMPLETIONS,
  words: readonly string[],
  commands: readonly Listed[],
  io: Io,
): Promise<number> {
  const { encodeSuggestions } = COMPLETIONS[shell];
  if (words.length === 0) io.raw.stdout(completionScript(shell));
  else for (const text of encodeSuggestions(await suggestions(words, commands))) io.raw.stdout(text);
  return ExitCode.Success;
}

/** The script that completes command lines in a shell. */
export function completionScript(shell: keyof typeof COMPLETIONS): string {
  return `${COMPLETIONS[shell].generateScript(PROGRAM, ["completion", shell])}\n`;
}

async function suggestions(words: readonly string[], commands: readonly Listed[]): Promise<readonly Suggestion[]> {
  const [name, ...others] = words;
  const last = words.at(-1)!;
  if (words.length === 1) return [...named(commands, last), ...optionsOf(last, ["--help", "--version"])];
  if (name === "--version") return optionsOf(last, ["--json"]);
  if (name === "help") return words.length === 2 ? named(commands, last) : [];
  const listed = commands.find((command) => command.name === name);
  if (listed === undefined) return [];
  return [...ofCommand(await listed.load(), others.slice(0, -1), last), ...optionsOf(last, ["--help"])];
}

/** Returns the suggestions for the last word of a command's arguments. */
function ofCommand(command: AnyCommand, before: readonly string[], last: string): readonly Suggestion[] {
  // `--option=value` is completed like the two words that it stands for.
  const [, option, value] = /^(--[\w-]+)=(.*)$/s.exec(last) ?? [];
  if (option !== undefined && value !== undefined) {
    return ofCommand(command, [...before, option], value).map((found) => behind(`${option}=`, found));
  }
  const [first = last, ...others] = [...before, last];
  const suggestions = suggest(parserOf(formFor(command, before)), [first, ...others]);
  return suggestions.flatMap((found) => isScript(found) ? scriptsFrom(command, before, last) ?? [found] : [found]);
}

function behind(prefix: string, suggestion: Suggestion): Suggestion {
  if (suggestion.kind === "literal") return { ...suggestion, text: `${prefix}${suggestion.text}` };
  return { ...suggestion, prefix, pattern: `${prefix}${suggestion.pattern ?? ""}` };
}

function isScript(suggestion: Suggestion): boolean {
  return suggestion.kind === "file" && (suggestion.extensions?.includes(".py") ?? false);
}

/** Suggests scripts, whose paths are relative to the module's folder; undefined if the shell should complete a path itself. */
function scriptsFrom(command: AnyCommand, before: readonly string[], begin: string): readonly Suggestion[] | undefined {
  const folder = command.scriptsIn?.(before);
  if (folder === undefined || begin.startsWith("/")) return undefined;
  const inner = begin.slice(0, begin.lastIndexOf("/") + 1);
  const names = namesIn(`${folder}/${inner}`);
  return names?.filter((name) => name.endsWith(".py")).map((name) => `${inner}${name}`)
    .filter((path) => path.startsWith(begin)).map((text) => ({ kind: "literal", text }));
}

function namesIn(folder: string): readonly string[] | undefined {
  try {
    return Array.from(Deno.readDirSync(folder), ({ name }) => name);
  } catch {
    return undefined;
  }
}

/** Returns the commands whose names begin with `begin`. */
function named(commands: readonly Listed[], begin: string): readonly Suggestion[] {
  return commands.filter(({ name }) => name.startsWith(begin)).map(({ name, brief }) => ({
    kind: "literal",
    text: name,
    description: message`${{ type: "text", text: brief }}`,
  }));
}

/** Returns the options that begin with `begin`; an empty array unless it begins with a dash. */
function optionsOf(begin: string, names: readonly string[]): readonly Suggestion[] {
  if (!begin.startsWith("-")) return [];
  return names.filter((name) => name.startsWith(begin)).map((text) => ({ kind: "literal", text }));
}

/** Returns the form that the previous words begin; the usual form if they fit several. */
function formFor({ form, otherForms = [] }: AnyCommand, before: readonly string[]): AnyCommand["form"] {
  return otherForms.find(({ fits, begins }) => begins && fits(before))?.form ?? form;
}
