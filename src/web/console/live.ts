/** What happens in the server while the page is open: the stream of `GET console/events`, and what the page keeps of it. */

import type { Events, LogLine, Second, WorkerEvent, WorkerNow } from "../wire.ts";
import { request } from "./api.ts";
import { EventReader, type ServerEvent } from "./events.ts";
import { standing } from "./server.ts";
import { Store } from "./store.ts";

/** Whether the stream is open. `off`: the server does not offer it. */
export type Connection = "connecting" | "open" | "lost" | "off";

/** How much the page keeps: as much as the server does. */
const MAX_LINES = 2000;
const MAX_SECONDS = 900;
const MAX_EVENTS = 200;

/** How long the page waits before it connects again, and for the server's first answer, in ms. */
const PAUSE_MS = 2000;
const FIRST_PAUSE_MS = 100;

/** How often new lines of the log are shown, in ms: there may be thousands in a second. */
const FLUSH_MS = 200;

/** The state of the stream. */
export const connection: Store<Connection> = new Store<Connection>("connecting");

/** Whether this visitor may read the log. */
export const mayReadLog: Store<boolean> = new Store<boolean>(false);

/** The last lines of the log, the oldest first. */
export const logLines: Store<readonly LogLine[]> = new Store<readonly LogLine[]>([]);

/** The workers as they are now. */
export const workers: Store<readonly WorkerNow[]> = new Store<readonly WorkerNow[]>([]);

/** The metrics that scripts have of their own. */
export const scripts: Store<Events["scripts"]> = new Store<Events["scripts"]>({ models: {} });

/** What happened to workers, the oldest first. */
export const workerEvents: Store<readonly WorkerEvent[]> = new Store<readonly WorkerEvent[]>([]);

/** The last quarter of an hour of each model, by its name, the oldest second first. */
export const seconds: Store<ReadonlyMap<string, readonly Second[]>> = new Store<ReadonlyMap<string, readonly Second[]>>(
  new Map(),
);

/** The bounds of the histograms in {@linkcode seconds}; see `Hello`. */
export const bounds: Store<{ readonly latency: readonly number[]; readonly batches: readonly number[] }> = new Store<
  { readonly latency: readonly number[]; readonly batches: readonly number[] }
>({ latency: [], batches: [] });

let pending: LogLine[] = [];
let flushing: ReturnType<typeof setTimeout> | undefined;

/** Follows the stream as long as the page is open, and connects again when it ends. */
export async function followEvents(): Promise<void> {
  let lastId = "";
  for (;;) {
    if (standing.value.kind === "known") {
      const reader = new EventReader();
      reader.lastId = lastId;
      await follow(reader).catch(() => connection.set("lost"));
      lastId = reader.lastId;
    }
    if (connection.value === "off") return;
    const pause = connection.value === "connecting" ? FIRST_PAUSE_MS : PAUSE_MS;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Reads the stream until it ends. @throws {TypeError} if the server can't be reached */
async function follow(events: EventReader): Promise<void> {
  const headers = { accept: "text/event-stream", ...(events.lastId !== "" && { "last-event-id": events.lastId }) };
  const response = await request("console/events", { headers });
  if (!response.ok) return connection.set(response.status === 404 ? "off" : "lost");
  connection.set("open");
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    for (const event of events.push(value!)) take(event);
  }
  connection.set("lost");
}

function take({ name, data }: ServerEvent): void {
  switch (name as keyof Events) {
    case "hello": {
      const hello: Events["hello"] = JSON.parse(data);
      mayReadLog.set(hello.logs);
      bounds.set({ latency: hello.latencyLimits, batches: hello.batchLimits });
      if (!hello.resumed) forget();
      break;
    }
    case "seconds": {
      const { model, seconds: more }: Events["seconds"] = JSON.parse(data);
      addSeconds([[model, more]]);
      break;
    }
    case "second": {
      const { models }: Events["second"] = JSON.parse(data);
      addSeconds(Object.entries(models).map(([model, second]) => [model, [second]]));
      break;
    }
    case "workers":
      workers.set(JSON.parse(data) as Events["workers"]);
      break;
    case "scripts":
      scripts.set(JSON.parse(data) as Events["scripts"]);
      break;
    case "worker": {
      const { events }: Events["worker"] = JSON.parse(data);
      workerEvents.set([...workerEvents.value, ...events].slice(-MAX_EVENTS));
      break;
    }
    case "log": {
      const { lines }: Events["log"] = JSON.parse(data);
      pending.push(...lines);
      flushing ??= setTimeout(flush, FLUSH_MS);
    }
  }
}

function flush(): void {
  flushing = undefined;
  logLines.set([...logLines.value, ...pending].slice(-MAX_LINES));
  pending = [];
}

function addSeconds(added: readonly (readonly [model: string, more: readonly Second[]])[]): void {
  const all = new Map(seconds.value);
  for (const [model, more] of added) all.set(model, [...all.get(model) ?? [], ...more].slice(-MAX_SECONDS));
  seconds.set(all);
}

/** The server was restarted, and its numbers began at zero again. */
function forget(): void {
  pending = [];
  logLines.set([]);
  workerEvents.set([]);
  scripts.set({ models: {} });
  seconds.set(new Map());
}
