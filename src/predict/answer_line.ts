/** Makes one line for each record: its answer, or why it has no answer. */

import type { Fault } from "./ask.ts";
import { isJson } from "../client/content_type.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const TAB = 0x09;

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/** An error in an output: the record's number in its input, counted from 1, and what went wrong. */
export interface RecordError {
  /** The input, where one file gathers the errors of several. */
  readonly input?: string;
  readonly record: number;
  readonly stage: string;
  readonly type: string;
  readonly message: string;
}

/** Makes the error of a record. */
export function errorOf(record: number, { stage, type, message }: Fault): RecordError {
  return { record, stage, type, message };
}

/** Returns the line of an error, with its line end. @param input the JSON that `--join` puts before it */
export function errorLine(error: RecordError, input?: string): Uint8Array<ArrayBuffer> {
  const value = JSON.stringify(error);
  return encoder.encode(input === undefined ? `{"error":${value}}\n` : `{"input":${input},"error":${value}}\n`);
}

/**
 * Returns the line of an answer, with its line end: JSON without white space between its values, other text unchanged.
 *
 * @param input the JSON that `--join` puts before it
 * @returns the line, or why the answer can't be one line
 */
export function answerLine(
  body: Uint8Array<ArrayBuffer>,
  contentType: string,
  input?: string,
): Uint8Array<ArrayBuffer> | Fault {
  const json = isJson(contentType);
  const line = json ? compact(body) : body;
  if (line === undefined) {
    return fault("BrokenJson", "The answer is not valid JSON: a string contains a line break or has no end");
  }
  if (!json && !isUtf8(body)) {
    return fault(
      "NotText",
      `The answer is '${contentType}', which is not text and can't be a line of the output: use '--split none'`,
    );
  }
  if (input !== undefined) {
    const output = json ? lenient.decode(line) || "null" : JSON.stringify(lenient.decode(line));
    return encoder.encode(`{"input":${input},"output":${output}}\n`);
  }
  const end = withoutEnd(line);
  if (!json && line.subarray(0, end).some((byte) => byte === NEWLINE || byte === RETURN)) {
    return fault(
      "SeveralLines",
      `The answer is '${contentType}' with several lines, but each record is one line of the output: use --join`,
    );
  }
  const whole = new Uint8Array(end + 1);
  whole.set(line.subarray(0, end));
  whole[end] = NEWLINE;
  return whole;
}

/** Returns the text of a record for `--join`: its JSON, or its text as a JSON string. */
export function inputValue(own: Uint8Array, contentType: string): string {
  const text = lenient.decode(own);
  if (isJson(contentType)) {
    try {
      JSON.parse(text);
      // Keep the original text: a number may have more digits than a parser keeps.
      return text.trim().replaceAll(/[\r\n]/g, " ");
    } catch {
      // The script reports the error; show the record as text.
    }
  }
  return JSON.stringify(text);
}

/** Removes the white space of JSON outside of its strings; undefined if a string contains a line break, or does not end. */
function compact(json: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const out = new Uint8Array(json.length);
  let length = 0;
  let quoted = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (quoted) {
      if (byte === NEWLINE || byte === RETURN) return undefined;
      if (byte === BACKSLASH) {
        out[length++] = byte;
        if (++i === json.length) return undefined;
        const next = json[i]!;
        if (next === NEWLINE || next === RETURN) return undefined;
        out[length++] = next;
        continue;
      }
      if (byte === QUOTE) quoted = false;
    } else {
      if (byte === SPACE || byte === NEWLINE || byte === TAB || byte === RETURN) continue;
      if (byte === QUOTE) quoted = true;
    }
    out[length++] = byte;
  }
  return quoted ? undefined : out.subarray(0, length);
}

/** Returns the length of a text without its final line end. */
function withoutEnd(line: Uint8Array): number {
  let end = line.length;
  if (line[end - 1] === NEWLINE) end--;
  if (line[end - 1] === RETURN) end--;
  return end;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function fault(type: string, message: string): Fault {
  return { stage: "output", type, message, again: "never" };
}

/** Says in one sentence why a record has no answer. */
export function messageOfFault({ stage, type, message }: Fault): string {
  switch (stage) {
    case "deserialize":
    case "predict":
    case "predict_batch":
    case "serialize":
      return type === "NotAcceptable"
        ? message
        : message === ""
        ? `${stage}() raised ${type}`
        : `${stage}() raised ${type}: ${message}`;
    default:
      return message;
  }
}
