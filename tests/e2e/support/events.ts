/** A server's stream of events for the console, which sends as much as a test wants at once. */

import type { Events, LogLine, WorkerEvent, WorkerNow } from "../../../src/web/wire.ts";

/** The seconds in an hour. */
const HOUR = 3600;

/** How often a worker ends without being asked to, in seconds. */
const DEATHS_EVERY = 36;

/** When the simulation begins, in seconds since 1970. */
const BEGIN = 1_700_000_000;

/** Answers requests for `console/events`, and sends hours of events to those that are open. */
export class SimulatedEvents {
  readonly #readers = new Set<ReadableStreamDefaultController<Uint8Array>>();
  #hours = 0;

  /** @param model the name of the model that all events are about */
  constructor(readonly model: string) {}

  /** Opens a stream, which begins as one of the server does. */
  open(): Response {
    const readers = this.#readers;
    let reader: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        reader = controller;
        readers.add(reader);
        const hello: Events["hello"] = {
          run: "simulated",
          now: BEGIN * 1000,
          resumed: false,
          logs: true,
          models: [this.model],
          latencyLimits: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
          batchLimits: [1, 2, 4, 8],
        };
        reader.enqueue(encode(text("hello", hello)));
      },
      cancel: () => void readers.delete(reader),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  /** Sends an hour: 3,600 seconds, 3,600 lines of the log and 100 ends of a worker. @returns the text of its last line */
  sendHour(): string {
    const first = BEGIN + HOUR * this.#hours++;
    // A minute is one piece, so that the page is not drawn again for each event.
    for (let minute = 0; minute < 60; minute++) {
      const times = Array.from({ length: 60 }, (_, index) => first + 60 * minute + index);
      const piece = encode(times.map((t) => this.#second(t)).join(""));
      for (const reader of this.#readers) reader.enqueue(piece);
    }
    return lineOf(first + HOUR - 1);
  }

  /** Ends all streams. */
  end(): void {
    for (const reader of this.#readers) reader.close();
    this.#readers.clear();
  }

  #second(t: number): string {
    const model = this.model;
    // The values are as long in each hour, but they differ from second to second.
    const some = t % 7;
    const busy = 1 + some;
    const second: Events["second"] = {
      models: {
        [model]: {
          t,
          answers: [100 + some, some, 1, 0],
          latency: { counts: [0, 50 + some, 3, 40, 5, 10 + some], sum: 2.5 },
          stages: { queue: [100, 0.1], deserialize: [100, 0.2], predict: [100, 1.5], serialize: [100, 0.2] },
          batches: { counts: [1, 40, 2, 20], sum: 100 },
          queued: some,
          busy,
          ready: 2,
        },
      },
    };
    const workers: readonly WorkerNow[] = ["1", "2"].map((name) => ({
      ...{ name, model, state: "ready", pid: 4000 + Number(name), started: t * 1000, ready: t * 1000, busy },
      ...{ memory: 100_000_000 + 1000 * some, cpu: some / 10, device: "cpu", deaths: some, replaced: 0 },
    } as const));
    // The last line of an hour is an error.
    const line: LogLine = t % 2 === 0
      ? { t: t * 1000, level: "info", logger: "worker", worker: "1", request: `a1b2-${t}`, text: `reading ${t}` }
      : { t: t * 1000, level: "error", logger: "worker", worker: "2", text: lineOf(t), traceback: TRACEBACK };
    return [
      text("second", second),
      text("workers", workers),
      text("log", { lines: [line] }),
      ...(t % 5 === 0 ? [text("scripts", this.#scripts(t))] : []),
      ...(t % DEATHS_EVERY === 0 ? [text("worker", { events: this.#death(t * 1000) })] : []),
    ].join("");
  }

  #scripts(t: number): Events["scripts"] {
    const one = { name: "words", help: "Words that were read", type: "counter", value: t } as const;
    return { models: { [this.model]: ["short", "long"].map((kind) => ({ ...one, labels: { kind } })) } };
  }

  /** A worker ends with 20 requests in it, and another starts in its place. */
  #death(t: number): WorkerEvent[] {
    const { model } = this;
    const requests = Array.from({ length: 20 }, (_, index) => `a1b2-${t + index}`);
    return [
      { t, kind: "ended", worker: "1", model, pid: 4001, cause: "SIGKILL", requests, requestCount: 30, memory: 1e8 },
      { t, kind: "started", worker: "1", model, pid: 4001 },
      { t, kind: "ready", worker: "1", model, pid: 4001, seconds: 0.5 },
    ];
  }
}

const TRACEBACK = 'Traceback (most recent call last):\n  File "serve.py", line 3, in predict\nValueError: no';

function lineOf(t: number): string {
  return `predict() raised an exception at ${t}`;
}

/** Writes an event as a stream has it. */
function text<Name extends keyof Events>(name: Name, data: Events[Name]): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
