/** Describes a command for help, the reference and the manual, from its parser. */

import type { DocEntry } from "@optique/core/doc";
import { type Message, message } from "@optique/core/message";
import type { Parser } from "@optique/core/parser";
import type { Usage, UsageTerm } from "@optique/core/usage";
import type { AnyCommand, Example, Listed } from "../command.ts";
import type { HelpEntry } from "../options/option.ts";

/** The program's name, as it is typed. */
export const PROGRAM = "aimodellib";

/** An option or an argument. */
export interface Entry {
  /** An option's names, the short one first; or the argument's only name. */
  readonly names: readonly string[];
  /** The placeholder for an option's value; undefined for a flag or an argument. */
  readonly metavar?: string;
  readonly description: Message;
  readonly default?: Message;
  /** All values that are accepted, if there are few. */
  readonly choices: readonly string[];
  /** The accepted range, such as `1 to 65535`. */
  readonly bounds?: string;
  /** The environment variable that is read if the option is not given. */
  readonly env?: string;
}

/** Options that belong together. */
export interface Group {
  readonly title: string;
  readonly entries: readonly Entry[];
}

/** The description of a command. */
export interface Page {
  readonly name: string;
  readonly brief: string;
  /** The text after the program's name and the command's, such as `[options] <archive>`. */
  readonly usage: string;
  readonly description?: Message;
  readonly arguments: readonly Entry[];
  readonly groups: readonly Group[];
  readonly examples: readonly Example[];
}

/** The title of options that are in no group. */
const GENERAL = "Options";

const HELP: Entry = { names: ["-h", "--help"], description: message`Show this help.`, choices: [] };

/** Makes the description of a command from its parser. */
export function pageOf({ name, brief }: Pick<Listed, "name" | "brief">, command: AnyCommand): Page {
  const args: Entry[] = [];
  const groups = new Map<string, Entry[]>();
  for (const { title, entry } of entriesOf(command.parser)) {
    if (entry.term.type === "option") {
      const group = title ?? GENERAL;
      groups.set(group, [...groups.get(group) ?? [], described(entry, namesOf(entry.term.names), entry.term.metavar)]);
    } else if (entry.term.type === "argument") args.push(described(entry, [entry.term.metavar]));
    else if (entry.term.type === "passthrough") args.push(described(entry, ["args"]));
  }
  // Options without a group come last, with `--help`, which all commands have.
  const general = [...groups.get(GENERAL) ?? [], HELP];
  groups.delete(GENERAL);
  groups.set(GENERAL, general);
  return {
    name,
    brief,
    usage: usageOf(command.parser),
    ...(command.description && { description: command.description }),
    arguments: args,
    groups: Array.from(groups, ([title, entries]) => ({ title, entries })),
    examples: command.examples,
  };
}

/** Returns the form of a command line, after the program's name and the command's. */
export function usageOf(parser: Parser<"sync">): string {
  return ["[options]", ...argumentsOf(parser.usage)].join(" ");
}

function* entriesOf(
  parser: Parser<"sync">,
): Generator<{ readonly title?: string | undefined; readonly entry: HelpEntry }> {
  const { fragments } = parser.getDocFragments({ kind: "available", state: parser.initialState }, undefined);
  for (const fragment of fragments) {
    if (fragment.type === "entry") yield { entry: fragment };
    else for (const entry of fragment.entries) yield { title: fragment.title, entry };
  }
}

function described(entry: HelpEntry, names: readonly string[], metavar?: string): Entry {
  return {
    names,
    ...(metavar !== undefined && { metavar }),
    description: entry.description ?? [],
    ...(says(entry.default) && { default: entry.default }),
    choices: valuesOf(entry.choices),
    ...(entry.bounds !== undefined && { bounds: entry.bounds }),
    ...(entry.env !== undefined && { env: entry.env }),
  };
}

function namesOf(names: readonly string[]): readonly string[] {
  return [...names].sort((a, b) => a.length - b.length);
}

/** Whether a text consists of more than an empty value. */
function says(text: DocEntry["default"]): text is Message {
  return text !== undefined && text.some((term) => term.type !== "value" || term.value !== "");
}

function valuesOf(text: Message | undefined): readonly string[] {
  return (text ?? []).flatMap((term) => term.type === "value" ? [term.value] : []);
}

/** The arguments of a command line, without its options. */
function argumentsOf(usage: Usage): readonly string[] {
  return usage.flatMap((term) => argumentOf(term));
}

function argumentOf(term: UsageTerm): readonly string[] {
  switch (term.type) {
    case "argument":
      return [`<${term.metavar}>`];
    case "passthrough":
      return ["[args...]"];
    case "optional":
      return argumentsOf(term.terms).map((text) => `[${text.replace(/^<(.*)>$/, "$1")}]`);
    case "multiple":
      return argumentsOf(term.terms).map((text) =>
        term.min > 0 ? `${text}...` : `[${text.replace(/^<(.*)>$/, "$1")}...]`
      );
    case "sequence":
      return argumentsOf(term.terms);
    default:
      return [];
  }
}
