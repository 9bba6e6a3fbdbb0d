/** The workers, and what happened to them. */

import type { Death } from "../supervisor/mod.ts";
import type { WorkerEvent, WorkerNow } from "../web/wire.ts";
import { Ring } from "./ring.ts";
import { shortened } from "./shorten.ts";

/** How many events are kept. */
const EVENTS = 500;

/** The most requests that an event names. */
const MAX_NAMED = 20;

/** A place for a worker: its name in logs, and what remains when its process is replaced. */
export interface WorkerPlace {
  readonly worker: string;
  readonly model: string;
  /** The device that it was given. */
  readonly device?: string | undefined;
}

/** Takes what happens to one worker. */
export interface WorkerLife {
  readonly ready: (pid: number | undefined) => void;
  readonly ended: (death: Death) => void;
}

/** One process in a place. */
interface Life {
  readonly started: number;
  ready?: number;
  pid?: number | undefined;
}

interface Place extends WorkerPlace {
  /** The process that runs, and the successor or the predecessors beside it, in the order of their start. */
  readonly lives: Set<Life>;
  deaths: number;
  replaced: number;
}

/** A worker of a pool at the moment. */
export interface PoolWorker {
  readonly worker: string;
  readonly pid: number | undefined;
  readonly ready: boolean;
  readonly dead: boolean;
  /** Requests that it has not answered. */
  readonly load: number;
}

/** Keeps the list of all workers, and the last events. */
export class Workers {
  readonly events: Ring<WorkerEvent> = new Ring(EVENTS);
  readonly #places = new Map<string, Place>();
  readonly #onEvent: () => void;

  /** @param onEvent called after each event */
  constructor(onEvent: () => void) {
    this.#onEvent = onEvent;
  }

  /** Records that a worker is started, and returns where to report what happens to it. */
  start(about: WorkerPlace): WorkerLife {
    const { worker, model } = about;
    const place = this.#placeOf(about);
    const life: Life = { started: Date.now() };
    place.lives.add(life);
    const tell = (event: Omit<WorkerEvent, "worker" | "model" | "pid">) => {
      this.events.add({ ...event, worker, model, ...(life.pid !== undefined && { pid: life.pid }) });
      this.#onEvent();
    };
    tell({ t: life.started, kind: "started" });
    return {
      ready: (pid) => {
        life.ready = Date.now();
        life.pid = pid;
        tell({ t: life.ready, kind: "ready", seconds: (life.ready - life.started) / 1000 });
      },
      ended: (death) => {
        place.lives.delete(life);
        if (!death.stopped) place.deaths++;
        else if (life.ready !== undefined) place.replaced++;
        tell(endOf(death));
      },
    };
  }

  /** Describes a worker of a pool. */
  describe({ worker, pid, ready, dead, load }: PoolWorker, model: string): Omit<WorkerNow, "memory" | "cpu"> {
    const place = this.#places.get(worker);
    const lives = [...place?.lives ?? []];
    const life = lives.find((life) => life.pid === pid && pid !== undefined) ?? lives.at(-1);
    const state = ready
      ? "ready"
      : dead
      ? "restarting"
      : life?.ready !== undefined
      ? "ending"
      : pid === undefined
      ? "starting"
      : "loading";
    return {
      name: worker,
      model,
      state,
      ...(pid !== undefined && { pid }),
      ...(life && !dead && { started: life.started, ...(life.ready !== undefined && { ready: life.ready }) }),
      busy: load,
      ...(place?.device !== undefined && { device: place.device }),
      deaths: place?.deaths ?? 0,
      replaced: place?.replaced ?? 0,
    };
  }

  #placeOf(about: WorkerPlace): Place {
    let place = this.#places.get(about.worker);
    if (place === undefined) {
      place = { ...about, lives: new Set(), deaths: 0, replaced: 0 };
      this.#places.set(about.worker, place);
    }
    return place;
  }
}

function endOf({ stopped, cause, requests, memory }: Death): Omit<WorkerEvent, "worker" | "model" | "pid"> {
  return {
    t: Date.now(),
    kind: "ended",
    expected: stopped,
    ...(!stopped && { cause: shortened(cause) }),
    ...(requests.length > 0 && { requests: requests.slice(0, MAX_NAMED), requestCount: requests.length }),
    ...(memory && { memory: memory.bytes }),
  };
}
