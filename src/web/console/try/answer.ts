/** Decides how an answer can be shown, from its type and its bytes. */

import { isJson } from "../../../client/content_type.ts";
import { parseEvents, type ServerEvent } from "../events.ts";
import { decode } from "./decode.ts";
import { isText } from "./draft.ts";
import { parseIfJson } from "./exact_json.ts";
import type { Exchange } from "./exchange.ts";
import { type Rows, rowsOf } from "./rows.ts";

/** A way to show an answer. */
export type View = "problem" | "tree" | "table" | "media" | "page" | "parts" | "text" | "hex";

/** An answer, with all that its views need. */
export interface Shown {
  readonly views: readonly View[];
  readonly bytes: Blob;
  /** The decoded text; undefined if the answer is not text. */
  readonly text: string | undefined;
  /** The parsed JSON in an object, since it may be null; undefined if the answer is not JSON. */
  readonly json: { readonly value: unknown } | undefined;
  readonly rows: Rows | undefined;
  readonly events: readonly ServerEvent[];
}

/** Texts over this length, in bytes, are neither parsed nor shown whole. */
const MAX_PARSED = 8 * 2 ** 20;

/** Finds the views of an answer, the best one first. While the answer arrives, these are only the views that can show a part of it. */
export function showable({ chunks, contentType, status, phase, size }: Exchange): Shown {
  const bytes = new Blob([...chunks], { type: contentType });
  const ended = phase !== "sending" && phase !== "receiving";
  const small = size <= MAX_PARSED;
  const looksText = isText(contentType) || (/^(application\/octet-stream)?$/.test(contentType) && isUtf8(chunks));
  const text = looksText ? decode(chunks, contentType, MAX_PARSED) : undefined;
  const isEvents = /^text\/event-stream\b/i.test(contentType);
  const events = isEvents && text !== undefined ? parseEvents(text) : [];
  const json = ended && small && text !== undefined && !isEvents ? jsonOf(text, contentType) : undefined;
  const rows = ended && small && !isEvents ? rowsOf(json, text, contentType) : undefined;
  const views: View[] = [];
  if (status >= 400 && isProblem(json?.value)) views.push("problem");
  if (ended && /^(image|audio|video)\//i.test(contentType)) views.push("media");
  if (ended && /^text\/html\b/i.test(contentType)) views.push("page");
  if (isEvents) views.push("parts");
  // Rows that are a file of their own are best seen as a table, those within a document beside its other members.
  if (rows !== undefined && (json === undefined || Array.isArray(json.value))) views.push("table");
  if (json !== undefined) views.push("tree");
  if (rows !== undefined && !views.includes("table")) views.push("table");
  if (text !== undefined && (size > 0 || !ended)) views.push("text");
  if (size > 0) views.push("hex");
  return { views, bytes, text, json, rows, events };
}

/** Problem details (RFC 9457), as the server answers them. */
export interface Problem {
  readonly title: string;
  readonly detail?: string;
  readonly stage?: string;
  readonly exception?: string;
  readonly message?: string;
}

/** Whether a value is the description of a problem. */
export function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "title" in value && "status" in value;
}

function jsonOf(text: string, contentType: string): Shown["json"] {
  if (!isJson(contentType) && !/^\s*[[{]/.test(text)) return undefined;
  return parseIfJson(text);
}

/** Whether the beginning of an answer without a type is text. */
function isUtf8(chunks: readonly Uint8Array<ArrayBuffer>[]): boolean {
  const [first] = chunks;
  if (first === undefined || first.subarray(0, 1000).includes(0)) return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(first.subarray(0, 1000), { stream: true });
    return true;
  } catch {
    return false;
  }
}
