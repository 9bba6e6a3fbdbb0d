/** Formats help for a terminal. */

import type { Message } from "../options/message.ts";
import type { Io } from "../terminal/io.ts";
import type { Entry, Page } from "./page.ts";
import { PROGRAM } from "./page.ts";
import { PLAIN, textOf, widthOf, wrap } from "./words.ts";

/** The layout of help. */
export interface Look {
  /** Columns of a line. */
  readonly width: number;
  readonly colors: boolean;
}

/** The most columns of a line: longer lines are hard to read. */
const WIDEST = 120;
const NARROWEST = 30;
/** The width of a terminal whose width is unknown. */
const USUAL = 80;
/** Names that are wider than this get their own lines. */
const NAMES = 30;

/** Returns the layout for this terminal, or for the width in `COLUMNS`. */
export function lookOf(io: Pick<Io, "columns" | "colors" | "env">): Look {
  const text = io.env("COLUMNS") ?? "";
  const said = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined;
  return { width: Math.min(WIDEST, Math.max(NARROWEST, said ?? io.columns ?? USUAL)), colors: io.colors };
}

/** Returns the help of a command. */
export function helpOf(page: Page, look: Look): string {
  const { width } = look;
  const style = styleOf(look);
  const text = (message: Message) => textOf(message, { literal: look.colors ? style.literal : PLAIN.literal });
  const blocks = [
    wrap(page.brief, width),
    usageLine(`${page.name} ${page.usage}`, width, style),
    ...(page.description ? [wrap(text(page.description), width)] : []),
  ];
  const sections = [
    ...(page.arguments.length > 0 ? [{ title: "Arguments", entries: page.arguments }] : []),
    ...page.groups,
  ];
  for (const { title, entries } of sections) {
    const rows = entries.map((entry) => [namesOf(entry, title), meaningOf(entry, text)] as const);
    blocks.push([style.title(`${title}:`), ...table(rows, width, style)]);
  }
  blocks.push([style.title("Examples:"), ...examples(page.examples, width, style)]);
  return blocks.map((lines) => lines.join("\n")).join("\n\n");
}

/** Returns the help of the program: its commands, and the options that take the place of one. */
export function rootHelpOf(
  { brief, commands, options, examples: shown }: {
    readonly brief: string;
    readonly commands: readonly (readonly [name: string, meaning: string])[];
    readonly options: readonly (readonly [names: string, meaning: string])[];
    readonly examples: Page["examples"];
  },
  look: Look,
): string {
  const { width } = look;
  const style = styleOf(look);
  return [
    wrap(brief, width),
    usageLine("<command> [options]", width, style),
    [style.title("Commands:"), ...table(commands, width, style)],
    [style.title("Options:"), ...table(options, width, style)],
    [style.title("Examples:"), ...examples(shown, width, style)],
    wrap(`'${PROGRAM} help <command>' describes a command.`, width),
  ].map((lines) => lines.join("\n")).join("\n\n");
}

/** Returns an option's names and the placeholder for its value, such as `-o, --output FILE`. */
export function namesOf({ names, metavar }: Entry, title?: string): string {
  if (title === "Arguments") return names.join();
  return `${names.join(", ")}${metavar === undefined ? "" : ` ${metavar}`}`;
}

function meaningOf(entry: Entry, text: (message: Message) => string): string {
  const notes = [
    ...(entry.choices.length > 0 ? [entry.choices.join("|")] : entry.bounds === undefined ? [] : [entry.bounds]),
    ...(entry.env === undefined ? [] : [`env: ${entry.env}`]),
    ...(entry.default === undefined ? [] : [`default: ${textOf(entry.default, { literal: (word) => word })}`]),
  ];
  return [text(entry.description), ...(notes.length > 0 ? [`[${notes.join("; ")}]`] : [])].join(" ").trim();
}

function examples(shown: Page["examples"], width: number, style: Style): readonly string[] {
  return shown.flatMap(({ does, line }) => [
    ...wrap(`# ${does}`, width - 2).map((text) => `  ${style.note(text)}`),
    // A command to copy is not wrapped.
    `  ${line}`,
  ]);
}

/** Lays out rows in two columns. Where they do not fit side by side, the second goes below the first. */
function table(rows: readonly (readonly [string, string])[], width: number, style: Style): readonly string[] {
  const longest = Math.max(...rows.map(([names]) => widthOf(names)).filter((length) => length <= NAMES), 0);
  const left = longest + 4;
  const stacked = width - left < 24;
  return rows.flatMap(([names, meaning]) => {
    const indent = stacked ? 6 : left;
    const lines = wrap(meaning, width - indent).map((line) => `${" ".repeat(indent)}${line}`);
    const [first = ""] = lines;
    if (stacked || widthOf(names) > longest) return [`  ${style.literal(names)}`, ...lines];
    const gap = " ".repeat(left - 2 - widthOf(names));
    return [`  ${style.literal(names)}${gap}${first.trimStart()}`.trimEnd(), ...lines.slice(1)];
  });
}

function usageLine(usage: string, width: number, style: Style): readonly string[] {
  const [first, ...others] = wrap(`${PROGRAM} ${usage}`, width - 7);
  return [`${style.title("Usage:")} ${first}`, ...others.map((line) => `         ${line}`)];
}

interface Style {
  readonly title: (text: string) => string;
  readonly literal: (text: string) => string;
  readonly note: (text: string) => string;
}

function styleOf({ colors }: Look): Style {
  const styled = (code: number) => (text: string) => colors ? `\x1b[${code}m${text}\x1b[0m` : text;
  return { title: styled(1), literal: styled(36), note: styled(2) };
}
