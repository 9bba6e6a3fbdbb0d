/** Formats the reference of the command line as manual pages, with the macros of `man(7)`. */

import type { Entry, Page } from "../../src/cli/help/page.ts";
import { PROGRAM } from "../../src/cli/help/page.ts";
import { textOf } from "../../src/cli/help/words.ts";
import { VERSION } from "../../src/version.ts";

/** A manual page: its file's name, and its text. */
export interface ManPage {
  readonly file: string;
  readonly text: string;
}

/** Returns the page of the program, and one for each command. */
export function manPagesOf(brief: string, pages: readonly Page[], examples: Page["examples"]): readonly ManPage[] {
  return [rootPage(brief, pages, examples), ...pages.map(commandPage)];
}

function rootPage(brief: string, pages: readonly Page[], examples: Page["examples"]): ManPage {
  return manPage(PROGRAM, brief, [
    section("SYNOPSIS", `.B ${PROGRAM}`, ".I command", escape("[options]")),
    section(
      "DESCRIPTION",
      escape(brief),
      ".PP",
      escape(`Each command has a page of its own, such as ${PROGRAM}-serve(1).`),
    ),
    section("COMMANDS", ...pages.flatMap(({ name, brief }) => [".TP", bold(name), escape(brief)])),
    section(
      "OPTIONS",
      ...[".TP", bold("-h, --help"), escape("Show help.")],
      ...[
        ".TP",
        bold("-V, --version"),
        escape("Show the version, and how this executable was built; with --json as JSON."),
      ],
    ),
    section(
      "EXIT STATUS",
      ...[".TP", bold("0"), escape("What was asked for was done.")],
      ...[".TP", bold("1"), escape("It was tried, and failed. train also ends with the script's own status.")],
      ...[".TP", bold("2"), escape("Usage error: the command line is invalid.")],
    ),
    examplesOf(examples),
    section("SEE ALSO", escape(pages.map(({ name }) => `${PROGRAM}-${name}(1)`).join(", "))),
  ]);
}

function commandPage({ name, brief, usage, description, arguments: args, groups, examples }: Page): ManPage {
  return manPage(`${PROGRAM}-${name}`, brief, [
    section("SYNOPSIS", `.B ${PROGRAM} ${escape(name)}`, escape(usage)),
    ...(description ? [section("DESCRIPTION", escape(textOf(description, { literal })))] : []),
    ...(args.length > 0 ? [section("ARGUMENTS", ...args.flatMap(entryOf))] : []),
    section(
      "OPTIONS",
      ...groups.flatMap(({ title, entries }) => [`.SS ${escape(title)}`, ...entries.flatMap(entryOf)]),
    ),
    examplesOf(examples),
    section("SEE ALSO", escape(`${PROGRAM}(1)`)),
  ]);
}

function manPage(name: string, brief: string, sections: readonly string[]): ManPage {
  const lines = [
    `.\\" Written by scripts/deno task reference from the commands' options. Change those instead.`,
    // The page has no date: the same sources give the same page.
    `.TH ${name.toUpperCase()} 1 "" "${PROGRAM} ${VERSION}" "User Commands"`,
    section("NAME", `${escape(name)} \\- ${escape(brief.replace(/\.$/, ""))}`),
    ...sections,
  ];
  return { file: `${name}.1`, text: `${lines.join("\n")}\n` };
}

function entryOf({ names, metavar, description, choices, bounds, env, ...entry }: Entry): readonly string[] {
  const isArgument = !names[0]!.startsWith("-");
  const value = metavar === undefined ? "" : ` \\fI${escape(metavar)}\\fR`;
  const notes = [
    ...(choices.length > 0 ? [`One of ${choices.join(", ")}.`] : bounds === undefined ? [] : [`Values: ${bounds}.`]),
    ...(entry.default ? [`Default: ${textOf(entry.default, { literal })}.`] : []),
    ...(env ? [`Variable: ${env}.`] : []),
  ];
  return [
    ".TP",
    isArgument
      ? `\\fI${escape(names.join())}\\fR`
      : `${names.map((name) => `\\fB${escape(name)}\\fR`).join(", ")}${value}`,
    escape([textOf(description, { literal }), ...notes].join(" ")),
  ];
}

function examplesOf(examples: Page["examples"]): string {
  return section(
    "EXAMPLES",
    ...examples.flatMap((
      { does, line },
    ) => [".PP", escape(`${does}:`), ".PP", ".RS", ".nf", escape(line), ".fi", ".RE"]),
  );
}

function section(title: string, ...lines: readonly string[]): string {
  return [`.SH ${title}`, ...lines].join("\n");
}

function bold(text: string): string {
  return `\\fB${escape(text)}\\fR`;
}

function literal(text: string): string {
  return text;
}

/** Escapes text for roff: a dash stays an ASCII dash that can be copied, and no line is read as a macro. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("…", "...").replace(/^(?=[.'])/, "\\&");
}
