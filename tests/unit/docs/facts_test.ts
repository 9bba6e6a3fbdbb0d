/** Compares the code with the pages in both directions: options, variables, metrics, log fields, exit codes, statuses, keys. */

import assert from "node:assert/strict";
import { ROOT } from "../../../scripts/project.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { pageOf } from "../../../src/cli/help/page.ts";
import { ExitCode } from "../../../src/cli/errors.ts";

const SOURCES = read("src", ".ts");
const PYTHON = read("python/aimodellib", ".py");
const PAGES = new Map([
  ...read("docs", ".md"),
  ...[...read(".", ".md", false)].filter(([path]) => path !== "./CHANGELOG.md"),
]);
const SOURCE = [...SOURCES.values()].join("\n");

/** Returns the texts of the files of a folder by path. */
function read(
  folder: string,
  ending: string,
  deep = true,
  found = new Map<string, string>(),
): ReadonlyMap<string, string> {
  for (const { name, isDirectory } of Deno.readDirSync(`${ROOT}/${folder}`)) {
    const path = `${folder}/${name}`;
    if (isDirectory) deep && read(path, ending, deep, found);
    else if (name.endsWith(ending)) found.set(path, Deno.readTextFileSync(`${ROOT}/${path}`));
  }
  return found;
}

/** The part of a page under a heading of any level, without the parts under the next heading of the same or a higher level. */
function section(path: string, heading: string): string {
  const page = PAGES.get(path) ?? assert.fail(`There is no ${path}`);
  const [, level] = new RegExp(`^(#+) ${heading}$`, "m").exec(page) ??
    assert.fail(`${path} has no heading '${heading}'`);
  const rest = page.split(new RegExp(`^#+ ${heading}$`, "m"))[1]!;
  return rest.split(new RegExp(`^#{1,${level!.length}} `, "m"))[0]!;
}

/** The words in backticks of a column of the tables of a text, counted from 0. */
function words(text: string, column = 0): string[] {
  return [...text.matchAll(/^\| (.*) \|$/gm)].flatMap(([, row]) =>
    [...(row!.split(" | ")[column] ?? "").matchAll(/`([^`]+)`/g)].map(([, word]) => word!)
  );
}

function matched(text: string, pattern: RegExp): Set<string> {
  return new Set([...text.matchAll(pattern)].map(([, word]) => word!));
}

/** Fails if the first list contains names that the second lacks. */
function within(names: Iterable<string>, known: { has(name: string): boolean }, what: string): void {
  assert.deepEqual([...new Set(names)].filter((name) => !known.has(name)).sort(), [], what);
}

const ALL_PAGES = [...PAGES.values()].join("\n");

Deno.test("each option that a page names is one of the command that it is named with, or of some command", async () => {
  const options = new Map<string, ReadonlySet<string>>();
  for (const listed of COMMANDS) {
    const { groups } = pageOf(listed, await listed.load());
    options.set(listed.name, new Set(groups.flatMap(({ entries }) => entries.flatMap(({ names }) => names))));
  }
  const every = new Set([...options.values()].flatMap((names) => [...names]));
  for (const [path, page] of PAGES) {
    if (path.startsWith("docs/decisions/") || path === "./CONTRIBUTING.md") continue;
    const code = [...page.matchAll(/`([^`\n]+)`/g), ...page.matchAll(/^(?:\$ )?(aimodellib .*)$/gm)].map(([, text]) =>
      text!
    );
    for (const text of code) {
      const command = /^aimodellib ([a-z]+)/.exec(text)?.[1];
      const known = options.get(command ?? "") ?? every;
      if (command === undefined && !text.startsWith("--")) continue;
      // Words after the arguments of train belong to the script.
      const own = command === "train" ? text.replace(/(\S+\.tar\.gz|train\.py) \S+ --.*/, "") : text;
      within(
        own.replace(/\|.*|#.*/, "").match(/(?<=^|[\s[(])--[a-z][a-z-]*/g) ?? [],
        { has: (name) => known.has(name) || OF_OTHERS.has(name) },
        `${path}: ${text}`,
      );
    }
  }
});

/** Options of the program itself, and of pip, torchrun, docker and scripts, which pages name as well. */
const OF_OTHERS = new Set([
  "--version", // of the program itself
  ...["--no-index", "--no-deps", "--find-links", "--only-binary", "--hash", "--extra-index-url"], // of pip
  "--init", // of docker
  ...["--array", "--cpus-per-task", "--gpus-per-node", "--kill-on-bad-exit", "--label", "--signal"], // of Slurm
  ...["--from", "--to"], // of scripts/install.sh
  ...["--api-key", "--password", "--epochs", "--learning-rate", "--seed", "--c", "--max-iter", "--batch-size"], // of scripts
]);

Deno.test("each variable that the program reads is described, and each that docs/commands.md lists is used", () => {
  const read = matched(SOURCE, /\benv\(\s*"([A-Z][A-Z0-9_]+)"/g);
  const inSource = matched(SOURCE, /["'`]((?:AIMODELLIB|AIP|SAGEMAKER)_[A-Z0-9_]+)["'`]/g);
  const described = matched(ALL_PAGES, /\b([A-Z][A-Z0-9_]+)\b/g);
  within([...read, ...inSource].filter((name) => !INTERNAL.has(name)), described, "not described");
  const listed = words(section("docs/commands.md", "Environment variables")).filter((word) =>
    /^[A-Z0-9_]+$/.test(word)
  );
  assert.ok(listed.length > 15);
  const used = matched([SOURCE, ...PYTHON.values()].join("\n"), /\b([A-Z][A-Z0-9_]+)\b/g);
  within(listed.filter((name) => !OF_DENO.has(name)), used, "not used");
});

/** Deno reads these for requests that the program makes. */
const OF_DENO = new Set(["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]);

/** Variables between the supervisor and its workers, which docs/protocol.md describes. */
const INTERNAL = new Set(["AIMODELLIB_WORKER", "AIMODELLIB_IGNORED"]);

Deno.test("docs/operations.md lists the metrics of /metrics, and no others", () => {
  const listed = new Set(
    words(section("docs/operations.md", "Metrics")).filter((word) => /^(aimodellib|process)_/.test(word)),
  );
  const named = matched(SOURCE, /"((?:aimodellib|process)_[a-z_]+)"/g);
  assert.ok(named.size > 12);
  within(named, listed, "not listed");
  within(listed, named, "not measured");
});

Deno.test("docs/operations.md lists the fields of log records, and no others", () => {
  const table = section("docs/operations.md", "Logs");
  const listed = new Set(words(table).filter((word) => /^[a-z_]+$/.test(word)));
  const fields = [...SOURCES].flatMap(([path, text]) => path.startsWith("src/cli/predict/") ? [] : fieldsOf(text));
  assert.ok(fields.length > 20);
  within(fields, listed, "not listed");
  const known = matched(SOURCE, /\b([a-z_]+)(?=[?]?:|,|\s*\})/g);
  within(listed, known, "not logged");
});

/** Returns the names of fields in calls of loggers. */
function fieldsOf(source: string): string[] {
  return [...source.matchAll(/\blog\.(?:debug|info|warn|warning|error)\(/g)].flatMap(({ index, 0: { length } }) => {
    const call = source.slice(index + length, endOfCall(source, index + length)).replace(/"[^"\n]*"|`[^`]*`/g, '""');
    const plain = call.replace(/\(\{[^}]*\}\)/g, "").replace(/\?[^:{]*:/g, "");
    return [...plain.matchAll(/[{,]\s*([a-z_]+)\s*(?=[:,}])/g)].map(([, name]) => name!);
  });
}

function endOfCall(source: string, begin: number): number {
  let depth = 1;
  for (let at = begin; at < source.length; at++) {
    if ("([{".includes(source[at]!)) depth++;
    if (")]}".includes(source[at]!) && --depth === 0) return at;
  }
  return source.length;
}

Deno.test("docs/http.md lists the statuses of answers, and no others", () => {
  const page = PAGES.get("docs/http.md")!;
  const listed = matched(page, /^\| ([45]\d\d(?:, [45]\d\d)*) \|/gm);
  const single = new Set([...listed].flatMap((cell) => cell.split(", ")));
  const http = [...SOURCES].filter(([path]) => path.startsWith("src/http/")).map(([, text]) => text).join("\n");
  const answered = matched(http, /(?:(?:HttpProblem|HttpError)\(|MODEL_ERROR =)\s*([45]\d\d)\b/g);
  assert.ok(answered.size > 12);
  within(answered, single, "not listed");
  // The status of an exception follows from the function that raised it: statusOf().
  const others = matched(SOURCES.get("src/supervisor/script_failure.ts")!, /\b([45]\d\d)\b/g);
  within(single, answered.union(others), "not answered");
});

Deno.test("docs/commands.md lists the exit codes, and no others", () => {
  const codes = matched(section("docs/commands.md", "Exit codes"), /^\| (\d+) \|/gm);
  const meant = new Set(Object.values(ExitCode).map(String));
  within(meant, codes, "not listed");
  const more = matched(SOURCE, /\b[A-Z_]*(?:FAILED|CODE)[A-Z_]* = (\d+);/g);
  within(codes, meant.union(more), "not used");
});

Deno.test("docs/running.md lists the keys of run.json, and no others", () => {
  const record = /interface RunRecord \{(.*?)\n\}/s.exec(SOURCES.get("src/cli/run/record.ts")!)![1]!;
  const keys = matched(record, /^ {2}readonly (\w+)\??:/gm);
  const listed = words(section("docs/running.md", "Logs"));
  within(keys, new Set(listed), "not listed");
  within(listed, keys, "not recorded");
});
