/**
 * One reader of the events: what it has seen, and the text of what comes next, as Server-Sent Events (WHATWG HTML, section 9.2).
 *
 * Nothing is queued for a reader. It keeps the numbers of what it has seen, and its next text is made when its connection can
 * take more. A slow reader misses what the rings have dropped by then.
 */

import type { Events, LogLine, WorkerEvent } from "../web/wire.ts";
import type { Ring } from "./ring.ts";
import type { SecondsRing } from "./seconds.ts";

/** The most lines, and events of workers, in one event of the stream. */
const MOST = 200;

/** How long a browser waits before it connects again, in ms. */
const RETRY_MS = 2_000;

/** What a reader reads. */
export interface Shelf {
  /** Identifies this run of the server. */
  readonly run: string;
  readonly seconds: SecondsRing;
  readonly events: Ring<WorkerEvent>;
  readonly lines: Ring<LogLine>;
  /** The event `hello` without what differs between readers. */
  readonly hello: () => Omit<Events["hello"], "resumed" | "logs">;
  /** The text of the events of the newest second, without ids. It is made once for all readers. */
  readonly tick: () => string;
  /** The same of the events about workers and scripts alone, which a new reader gets before its first second. */
  readonly workers: () => string;
}

/** Follows the events for one reader. */
export class Reader {
  readonly #shelf: Shelf;
  readonly #logs: boolean;
  readonly #resumed: boolean;
  #greeted = false;
  #sawWorkers = false;
  /** The numbers of the last second, event and line that it has seen. */
  #second: number;
  #event: number;
  #line: number;
  /** The models whose missing seconds are still to be sent, up to a second. */
  #catchUp: { readonly until: number; readonly models: string[] } | undefined;

  /**
   * @param lastEventId the id of the last event that the reader has; undefined for a new one
   * @param logs whether it may read log lines
   */
  constructor(shelf: Shelf, lastEventId: string | undefined, logs: boolean) {
    const { seconds, events, lines } = shelf;
    this.#shelf = shelf;
    this.#logs = logs;
    const seen = seenIn(lastEventId, shelf);
    this.#resumed = seen !== undefined;
    [this.#second, this.#event, this.#line] = seen ?? [seconds.forgotten, events.forgotten, lines.forgotten];
  }

  /** The text of what comes next; undefined if the reader has seen all there is. */
  next(): string | undefined {
    const { hello } = this.#shelf;
    if (!this.#greeted) {
      this.#greeted = true;
      const text = event("hello", { ...hello(), resumed: this.#resumed, logs: this.#logs });
      return `retry: ${RETRY_MS}\n${text}${this.#id}`;
    }
    const text = this.#nextSecond() ?? this.#nextWorkers() ?? this.#nextEvents() ?? this.#nextLines();
    return text === undefined ? undefined : `${text}${this.#id}`;
  }

  /** The last line and the end of an event. */
  get #id(): string {
    return `id: ${[this.#shelf.run, this.#second, this.#event, this.#line].join(".")}\n\n`;
  }

  #nextSecond(): string | undefined {
    const { seconds, tick } = this.#shelf;
    if (this.#catchUp === undefined) {
      if (this.#second === seconds.last) return undefined;
      if (this.#sawWorkers && this.#second === seconds.last - 1) {
        this.#second = seconds.last;
        return tick();
      }
      this.#catchUp = { until: seconds.last, models: [...seconds.models] };
    }
    const { until, models } = this.#catchUp;
    const model = models.shift()!;
    const missing = seconds.since(model, this.#second, until);
    if (models.length === 0) {
      this.#second = until;
      this.#catchUp = undefined;
    }
    return event("seconds", { model, seconds: missing });
  }

  /** The first reading of the workers; the others come with each second. */
  #nextWorkers(): string | undefined {
    if (this.#sawWorkers) return undefined;
    this.#sawWorkers = true;
    return this.#shelf.workers();
  }

  #nextEvents(): string | undefined {
    const unseen = this.#shelf.events.after(this.#event, MOST);
    if (unseen === undefined) return undefined;
    this.#event = unseen.last;
    return event("worker", { events: unseen.items, ...(unseen.skipped > 0 && { skipped: unseen.skipped }) });
  }

  #nextLines(): string | undefined {
    const unseen = this.#logs ? this.#shelf.lines.after(this.#line, MOST) : undefined;
    if (unseen === undefined) return undefined;
    this.#line = unseen.last;
    return event("log", { lines: unseen.items, ...(unseen.skipped > 0 && { skipped: unseen.skipped }) });
  }
}

/** The text of an event, to which an id and an empty line are to be added. */
export function event<Name extends keyof Events>(name: Name, data: Events[Name]): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n`;
}

/** The numbers in an event's id; undefined if it is not of this run of the server. */
function seenIn(
  id: string | undefined,
  { run, seconds, events, lines }: Shelf,
): [second: number, event: number, line: number] | undefined {
  const [, of, ...numbers] = /^([\w-]+)\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})$/.exec(id ?? "") ?? [];
  if (of !== run) return undefined;
  const [second, event, line] = numbers.map(Number) as [number, number, number];
  return second <= seconds.last && event <= events.last && line <= lines.last ? [second, event, line] : undefined;
}
