/** The last requests and answers. Texts of a moderate size survive a reload of the page; files are kept while it is open. */

import { Store } from "../store.ts";
import { decode } from "./decode.ts";
import { isText } from "./draft.ts";
import type { Exchange } from "./exchange.ts";

/** A request that has ended, with its answer. */
export interface Entry {
  readonly id: number;
  readonly time: number;
  readonly model: string;
  readonly path: string;
  readonly contentType: string;
  readonly accept: string;
  /** The name of the file that was sent; undefined for what was typed. */
  readonly name: string | undefined;
  /** The size of the body, in bytes. */
  readonly size: number;
  /** The body and the answer as text; undefined if they are not text, or are too long to be kept. */
  readonly body: string | undefined;
  readonly answer: string | undefined;
  readonly answerType: string;
  readonly status: number;
  readonly ms: number;
}

/** How many entries there are, and the longest text that one of them keeps, in bytes. Both keep it below a browser's limit of 5 MB. */
const MAX_ENTRIES = 50;
const MAX_TEXT = 20_000;

/** How many bytes of files are kept in memory, for sending them again. */
const MAX_FILES = 32 * 2 ** 20;

const KEY = "aimodellib.history";

/** The entries, the newest first. */
export const history: Store<readonly Entry[]> = new Store<readonly Entry[]>(load());

/** The bodies of the entries, by their ids, as long as there is room for them. */
const bodies = new Map<number, Blob>();

let last = Math.max(0, ...history.value.map(({ id }) => id));

/** Adds an exchange that has ended. */
export async function remember({ sent, time, status, contentType, chunks, size, ms }: Exchange): Promise<void> {
  const id = ++last;
  bodies.set(id, sent.body);
  forgetFiles();
  const entry: Entry = {
    id,
    time,
    model: sent.model,
    path: sent.path,
    contentType: sent.contentType,
    accept: sent.accept,
    name: sent.name,
    size: sent.body.size,
    body: sent.name === undefined && sent.body.size <= MAX_TEXT ? await sent.body.text() : undefined,
    answer: size <= MAX_TEXT && (isText(contentType) || size === 0) ? decode(chunks, contentType, MAX_TEXT) : undefined,
    answerType: contentType,
    status,
    ms,
  };
  history.set([entry, ...history.value].slice(0, MAX_ENTRIES));
  save();
}

/** Returns the body of an entry; undefined if it is no longer kept. */
export function bodyOfEntry({ id, body }: Entry): Blob | undefined {
  return bodies.get(id) ?? (body === undefined ? undefined : new Blob([body]));
}

/** Forgets all entries and their files. */
export function clearHistory(): void {
  bodies.clear();
  history.set([]);
  save();
}

function forgetFiles(): void {
  let sum = 0;
  for (const [id, { size }] of [...bodies].reverse()) {
    sum += size;
    if (sum > MAX_FILES) bodies.delete(id);
  }
}

function load(): readonly Entry[] {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    // Storage may be off, or another program on this host may have written it.
    return [];
  }
}

function save(): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(history.value));
  } catch {
    // The storage is full or off: the entries last as long as the page.
  }
}
