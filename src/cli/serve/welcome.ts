/** The text that `serve` shows on a terminal when the model is ready: the model, the page's URL, and a request to copy. */

import { contentTypeOf } from "../../client/content_type.ts";
import { stat } from "../../files.ts";
import { printable } from "../../printable.ts";
import type { ServedModel } from "../../supervisor/mod.ts";
import { count } from "../terminal/format.ts";
import { quote } from "../terminal/quote.ts";

/** The facts about a run of `serve` that are shown. */
export interface Welcome {
  readonly models: readonly Pick<ServedModel, "name" | "label" | "known">[];
  /** The number of workers of each model. */
  readonly workers: number;
  /** The value of `--device`. */
  readonly device?: string | undefined;
  /** The URL of the server, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** The path of a Unix socket, if the server listens on one. */
  readonly unix?: string | undefined;
  /** Whether requests need a token. */
  readonly secured: boolean;
  /** Whether there is a page to open. */
  readonly console: boolean;
  readonly colors: boolean;
}

/** File name extensions of a model's sample, in order of preference. */
const SAMPLES = ["json", "csv", "txt", "npy", "npz", "parquet", "arrow", "png", "jpg", "jpeg", "wav"];

/** How many digits of a digest are shown: enough to distinguish archives. */
const DIGITS = 12;

/** Returns the lines to show, with an empty one before and after them. */
export function welcome(told: Welcome): string {
  const { models, unix, colors } = told;
  const url = openable(told.url);
  const strong = (text: string) => colors ? `\x1b[1m${text}\x1b[0m` : text;
  const [only] = models.length === 1 ? models : [];
  const shown = models.slice(0, 10);
  const lines = [
    ...(only === undefined
      ? shown.map(({ name, label }) => `${strong(printable(name))}: ${printable(label)}`)
      : [aboutOne(only, strong)]),
    ...(models.length > shown.length ? [`and ${models.length - shown.length} more`] : []),
    workersOf(told),
    "",
    ...(unix === undefined && told.console ? [`Open ${strong(`${url}/`)}`] : []),
    `Try  ${printable(curlOf(told, url))}`,
  ];
  return `\n${lines.map((line) => line === "" ? "" : `  ${line}`).join("\n")}\n\n`;
}

function aboutOne({ name, label, known }: Welcome["models"][number], strong: (text: string) => string): string {
  const { archive, sha256, script = label } = known?.facts() ?? {};
  const origin = archive === undefined
    ? ""
    : ` of ${archive}${sha256 === undefined ? "" : ` (sha256 ${sha256.slice(0, DIGITS)})`}`;
  return `Serving ${strong(printable(name))}: ${printable(`${script}${origin}`)}`;
}

function workersOf({ models, workers, device }: Welcome): string {
  const version = models.length === 1 ? models[0]!.known?.facts().python : undefined;
  const of = models.length === 1 ? "" : " each";
  return printable([
    ...(version === undefined ? [] : [`Python ${version}`]),
    `${count(workers, "worker")}${of}${device === undefined ? "" : ` on ${device}`}`,
  ].join(", "));
}

/** Returns a curl command with the model's sample, or with a placeholder for a file. */
function curlOf({ models: [first, ...others], unix, secured }: Welcome, url: string): string {
  const sample = first?.known && sampleOf(first.known.module);
  const path = others.length === 0 ? "/invocations" : `/models/${first!.name}/invocations`;
  return [
    "curl",
    ...(unix === undefined ? [quote(`${url}${path}`)] : ["--unix-socket", quote(unix), `http://localhost${path}`]),
    ...(secured ? ["-H", '"Authorization: Bearer $TOKEN"'] : []),
    ...(sample === undefined ? [] : ["-H", `'Content-Type: ${contentTypeOf(sample)}'`]),
    "--data-binary",
    sample === undefined ? "@FILE" : `@${quote(relative(sample))}`,
  ].join(" ");
}

function sampleOf(module: string): string | undefined {
  return SAMPLES.map((suffix) => `${module}/sample.${suffix}`).find((path) => stat(path)?.isFile);
}

/** Makes a path relative to the working directory if it is below that. */
function relative(path: string): string {
  const here = `${Deno.cwd()}/`;
  return path.startsWith(here) ? path.slice(here.length) : path;
}

/** Replaces the address of a server that listens on all interfaces by one that a browser on this machine can open. */
function openable(url: string): string {
  return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
}
