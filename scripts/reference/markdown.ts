/** Formats the reference of the command line as Markdown. */

import type { Entry, Group, Page } from "../../src/cli/help/page.ts";
import { PROGRAM } from "../../src/cli/help/page.ts";
import { textOf } from "../../src/cli/help/words.ts";

const literal = (text: string) => `\`${text}\``;

/** Returns one page with all commands. */
export function referenceOf(pages: readonly Page[]): string {
  return [
    "# Command line",
    "<!-- Written by `scripts/deno task reference` from the commands' options. Change those instead. -->",
    `All commands of \`${PROGRAM}\`, with their arguments and options; \`${PROGRAM} help COMMAND\` prints the same in a terminal.`,
    "A `SIZE` is a number of bytes, or has a unit: `64k`, `100MiB`, `1.5GB`. `SECONDS` may have decimals. An option's value is the next word, or follows `=`.",
    table(["command", "what it does"], pages.map(({ name, brief }) => [`[\`${name}\`](#${name})`, brief])),
    ...pages.map(commandOf),
  ].join("\n\n") + "\n";
}

function commandOf(page: Page): string {
  const { name, brief, usage, description, arguments: args, groups, examples } = page;
  return [
    `## ${name}`,
    brief,
    fenced("text", `${PROGRAM} ${name} ${usage}`),
    ...(description ? [textOf(description, { literal })] : []),
    ...(args.length > 0
      ? [table(["argument", "meaning"], args.map((entry) => [literal(entry.names.join()), meaningOf(entry)]))]
      : []),
    ...groups.map((group) => `### ${group.title} of ${name}\n\n${optionsOf(group)}`),
    fenced("sh", examples.map(({ does, line }) => `# ${does}\n${line}`).join("\n")),
  ].join("\n\n");
}

/** Formats the options of a group as a table, without columns that are empty for all of them. */
function optionsOf({ entries }: Group): string {
  const columns: readonly (readonly [title: string, cell: (entry: Entry) => string])[] = [
    ["option", ({ names, metavar }) => names.map((name) => literal(name + (metavar ? ` ${metavar}` : ""))).join(", ")],
    ["meaning", ({ description }) => textOf(description, { literal })],
    ["values", valuesOf],
    ["default", (entry) => (entry.default ? textOf(entry.default, { literal }) : "")],
    ["variable", ({ env }) => (env ? literal(env) : "")],
  ];
  const used = columns.filter(([, cell], index) => index < 2 || entries.some((entry) => cell(entry) !== ""));
  return table(used.map(([title]) => title), entries.map((entry) => used.map(([, cell]) => cell(entry))));
}

function meaningOf(entry: Entry): string {
  const values = valuesOf(entry);
  const otherwise = entry.default && `default: ${textOf(entry.default, { literal })}`;
  const notes = [values, otherwise].filter(Boolean).join("; ");
  return textOf(entry.description, { literal }) + (notes === "" ? "" : ` (${notes})`);
}

function valuesOf({ choices, bounds = "" }: Entry): string {
  return choices.length > 0 ? choices.map(literal).join(", ") : bounds;
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(titles), line(titles.map(() => "---")), ...rows.map(line)].join("\n");
}

function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}
