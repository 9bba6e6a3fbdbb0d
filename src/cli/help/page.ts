/** Describes a command for help, the reference and the manual, from its form. */

import type { AnyCommand, Example, Listed } from "../command.ts";
import type { Form } from "../options/form.ts";
import { type Message, message } from "../options/message.ts";
import type { Field } from "../options/option.ts";

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

/** Makes the description of a command from its form. */
export function pageOf({ name, brief }: Pick<Listed, "name" | "brief">, command: AnyCommand): Page {
  const args: Entry[] = [];
  const groups = new Map<string, Entry[]>();
  for (const field of Object.values(command.form.fields)) {
    if (field.kind === "option") {
      const { title = GENERAL } = field;
      groups.set(title, [...groups.get(title) ?? [], described(field, namesOf(field), field.value?.metavar)]);
    } else args.push(described(field, [field.value?.metavar ?? "args"]));
  }
  // Options without a group come last, with `--help`, which all commands have.
  const general = [...groups.get(GENERAL) ?? [], HELP];
  groups.delete(GENERAL);
  groups.set(GENERAL, general);
  return {
    name,
    brief,
    usage: usageOf(command.form),
    ...(command.description && { description: command.description }),
    arguments: args,
    groups: Array.from(groups, ([title, entries]) => ({ title, entries })),
    examples: command.examples,
  };
}

/** Returns the form of a command line, after the program's name and the command's. */
export function usageOf({ fields }: Form<unknown>): string {
  return ["[options]", ...Object.values(fields).filter(({ kind }) => kind !== "option").map(argumentOf)].join(" ");
}

function described(field: Field<unknown>, names: readonly string[], metavar?: string): Entry {
  const { kind, value, description, env } = field;
  const otherwise = defaultOf(field);
  return {
    names,
    ...(metavar !== undefined && { metavar }),
    description,
    ...(otherwise !== undefined && { default: otherwise }),
    choices: value?.otherwise.kind === "choice" ? value.otherwise.words : [],
    ...(kind === "option" && value?.bounds !== undefined && { bounds: value.bounds }),
    ...(env !== undefined && { env }),
  };
}

function namesOf({ names }: Field<unknown>): readonly string[] {
  return [...names].sort((a, b) => a.length - b.length);
}

/** What stands for an option that is not given; undefined if that needs no words. */
function defaultOf({ absent, value }: Field<unknown>): Message | undefined {
  if (absent.kind !== "value") return undefined;
  if (absent.described !== undefined) return absent.described;
  const text = value === undefined || absent.value === undefined ? "" : value.format(absent.value);
  return text === "" ? undefined : [{ type: "value", value: text }];
}

/** An argument of a command line. */
function argumentOf({ kind, value, absent }: Field<unknown>): string {
  if (kind === "rest") return "[args...]";
  const name = value?.metavar ?? "";
  if (absent.kind === "refused") return `<${name}>`;
  return absent.kind === "empty" ? `[${name}...]` : `[${name}]`;
}
