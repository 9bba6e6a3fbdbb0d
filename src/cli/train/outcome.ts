/** The text that `train` shows on a terminal after a success: the written files, the duration, and the next command. */

import { stat } from "../../files.ts";
import { printable } from "../../printable.ts";
import { count, formatBytes } from "../terminal/format.ts";
import { quote } from "../terminal/quote.ts";

/** The facts about a successful training. */
export interface Trained {
  /** When it began, in ms since 1970. */
  readonly startedAt: number;
  /** How long it took, in ms. */
  readonly ms: number;
  /** The module or archive, as on the command line. */
  readonly target: string;
  readonly modelDir: string;
  /** What can serve the model: a script of the module, or the archive itself; undefined if neither can. */
  readonly serves: "archive" | { readonly script: string } | undefined;
}

/** The most files that are examined: a model directory may contain very many. */
const MOST = 1_000;
/** The most files that are named. */
const NAMED = 3;
/** By how much the clock of a file server may be behind ours, in ms. */
const SLACK_MS = 2_000;

/** Returns the lines to show, the last of which is the next command. */
export function outcome({ startedAt, ms, target, modelDir, serves }: Trained): string {
  const { files, bytes, more } = written(modelDir, startedAt - SLACK_MS);
  const names = files.slice(0, NAMED).join(", ") + (files.length > NAMED ? ", …" : "");
  const what = more
    ? `more than ${MOST} files`
    : files.length === 0
    ? "nothing new"
    : `${count(files.length, "file")} (${formatBytes(bytes)}): ${names}`;
  const next = serves === undefined ? [] : [
    `Next: ${
      ["aimodellib", "serve", target, ...(serves === "archive" ? [] : [serves.script]), modelDir].map(quote).join(" ")
    }`,
  ];
  return [`Trained in ${formatTime(ms)}; ${modelDir} has ${what}`, ...next].map((line) => `${printable(line)}\n`).join(
    "",
  );
}

/** Returns the serving script of a module, if it has the default name. */
export function servingScript(module: string): { readonly script: string } | undefined {
  return stat(`${module}/serve.py`)?.isFile ? { script: "serve.py" } : undefined;
}

/** Formats a duration, such as `3.4 s` or `12 min 5 s`. */
function formatTime(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return `${hours > 0 ? `${hours} h ` : ""}${minutes} min ${whole % 60} s`;
}

/** Finds the files of a folder that were changed since then, except the record of the run. */
function written(folder: string, since: number): { files: string[]; bytes: number; more: boolean } {
  const found = { files: [] as string[], bytes: 0, more: false };
  const folders = [""];
  for (let seen = 0; folders.length > 0;) {
    const inner = folders.shift()!;
    for (const { name, isDirectory } of entries(`${folder}/${inner}`)) {
      if (++seen > MOST) return { ...found, more: true };
      const path = `${inner}${name}`;
      if (isDirectory) folders.push(`${path}/`);
      const info = stat(`${folder}/${path}`);
      if (path === "run.json" || !info?.isFile || (info.mtime?.getTime() ?? Infinity) < since) continue;
      found.files.push(path);
      found.bytes += info.size;
    }
  }
  found.files.sort();
  return found;
}

function entries(folder: string): Iterable<Deno.DirEntry> {
  try {
    return Deno.readDirSync(folder);
  } catch {
    return [];
  }
}
