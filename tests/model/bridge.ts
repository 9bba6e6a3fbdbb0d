/**
 * A model of what the supervisor and its workers do with requests: dispatch, begin, answer, look at a worker that is held up, recall,
 * take back, death, put back. docs/protocol.md describes the real one; `src/supervisor/` and `_bridge/ledger.py` are it.
 *
 * What is left out: bodies, the exchange, parts, and time. Time is in two assumptions only:
 *
 * - Whatever a worker has stored reaches the memory between two looks, which are 5 ms apart: a processor keeps a store to itself
 *   for microseconds, and not while it runs something else.
 * - A worker that is dead has no stores left: the kernel has ended it on its processor.
 *
 * Everything else may happen in any order. What a worker stores may become visible in another order than it was stored in, as on arm64.
 */

import type { Model } from "./search.ts";

/**
 * When a worker's stores become visible to the supervisor: at once; later, in their order, as on x86-64; or later, in any order, as
 * on arm64. All are visible before what the worker sends after them: the kernel publishes what is sent with a release.
 */
export type Memory = "immediate" | "ordered" | "weak";

/** Rules that the model may break, to see that the search finds it. */
export interface Rules {
  /** The worker notes that it begins a request before it looks for what is recalled. */
  readonly noteFirst: boolean;
  /** The worker does not execute what is recalled. */
  readonly heedRecall: boolean;
  /** The supervisor waits for a look between the recall and taking back. */
  readonly waitBeforeTakingBack: boolean;
  /** The supervisor looks into a living worker's ledger twice, and takes what is the same at both looks. */
  readonly compareLooks: boolean;
  /** What the worker sends of requests that were settled or taken back is ignored. */
  readonly ignoreKnown: boolean;
  /** A worker that was recalled gets nothing more until it answers. */
  readonly holdBack: boolean;
  /** Frames that a dead worker has sent are read before its ledger. */
  readonly readFramesFirst: boolean;
  /** Answers in the ledger of a dead worker count. */
  readonly readLedger: boolean;
  /** What a dead worker had begun is not tried again. */
  readonly loseBegun: boolean;
  /** What a dead worker never began is put back. */
  readonly putBack: boolean;
  /** An answer is sent before the ledger forgets it. */
  readonly sendFirst: boolean;
}

/** All rules as they are. */
export const RULES: Rules = {
  noteFirst: true,
  heedRecall: true,
  waitBeforeTakingBack: true,
  compareLooks: true,
  ignoreKnown: true,
  holdBack: true,
  readFramesFirst: true,
  readLedger: true,
  loseBegun: true,
  putBack: true,
  sendFirst: true,
};

/** How large the model is. */
export interface Size {
  readonly workers: number;
  readonly requests: number;
  /** How many requests a worker may have. */
  readonly window: number;
  /** How many a worker gets in its life: one that is recalled again and again could get any number. */
  readonly ids: number;
  readonly memory: Memory;
}

/** An id on a connection, and the request that it is for; an answer has the request whose result it holds, or {@linkcode RECALLED}. */
type Frame = readonly [id: number, content: number];

const RECALLED = -1;

/** A store that is not visible to others yet. */
interface Store {
  /** `started`, `pending`, or the number of a slot for an answer. */
  readonly to: "s" | "p" | number;
  readonly value: number | Frame;
  /** Whether a look has passed since. */
  readonly old: boolean;
}

type Step = "read" | "noted" | "execute" | "answer" | "sent";

interface Worker {
  readonly dead: boolean;
  /** What the supervisor has sent, and what of it was read. */
  readonly inbox: readonly Frame[];
  readonly batch: readonly Frame[];
  /** What it does next with the first of its batch. */
  readonly step: Step;
  /** What it saw recalled last, and whether older requests may still come. */
  readonly seen: number;
  readonly recalling: boolean;
  readonly mine: boolean;
  /** Answers that it has put together. */
  readonly gathered: readonly Frame[];
  readonly stores: readonly Store[];
  /** The ledger. */
  readonly started: number;
  readonly pending: number;
  readonly slots: readonly Frame[];
  readonly recalled: number;
  /** What it has sent. */
  readonly outbox: readonly Frame[];
  /** What the supervisor knows of it. */
  readonly inFlight: readonly Frame[];
  readonly last: number;
  readonly known: readonly number[];
  /** What the supervisor saw at its last look, if nothing was heard since. */
  readonly looked: readonly [started: number, pending: number] | undefined;
  readonly stalled: number;
}

/** A state of all. */
export interface State {
  readonly workers: readonly Worker[];
  readonly queue: readonly number[];
  /** By request: how often it was executed; and 0 if it is open, 1 if it was answered, 2 if it was lost; 3 for another's answer, 4 for a second. */
  readonly executed: readonly number[];
  readonly outcome: readonly number[];
  /** By request: whether its answer was noted, so that no death may lose it. */
  readonly finished: readonly boolean[];
}

const FRESH: Worker = {
  dead: false,
  inbox: [],
  batch: [],
  step: "read",
  seen: 0,
  recalling: false,
  mine: true,
  gathered: [],
  stores: [],
  started: 0,
  pending: 0,
  slots: [],
  recalled: 0,
  outbox: [],
  inFlight: [],
  last: 0,
  known: [],
  looked: undefined,
  stalled: 0,
};

/** Makes a model. */
export function bridge({ workers, requests, window, ids, memory }: Size, rules: Rules = RULES): Model<State> {
  const all = Array.from({ length: requests }, (_, i) => i);

  function* steps(state: State): Generator<readonly [string, State]> {
    for (const [index, worker] of state.workers.entries()) {
      const put = (changed: Partial<Worker>, rest: Partial<State> = {}): State => ({
        ...state,
        ...rest,
        workers: state.workers.map((each, i) => i === index ? { ...each, ...changed } : each),
      });
      const name = (text: string) => `worker ${index + 1}: ${text}`;
      if (worker.dead) {
        yield* ofDeath(state, worker, put, name);
        continue;
      }
      yield* ofWorker(state, worker, put, name);
      yield* ofSupervisor(state, worker, put, name);
      yield [
        name("is killed"),
        put({ dead: true, ...visible(worker, worker.stores), stores: [], inbox: [], batch: [] }),
      ];
    }
  }

  type Put = (changed: Partial<Worker>, rest?: Partial<State>) => State;
  type Name = (text: string) => string;

  function* ofWorker(state: State, worker: Worker, put: Put, name: Name): Generator<readonly [string, State]> {
    const { inbox, batch, step, gathered, stores } = worker;
    for (const [i, store] of stores.entries()) {
      const before = stores.slice(0, i);
      // To one place, stores become visible in their order everywhere.
      if (memory === "ordered" ? i > 0 : before.some(({ to }) => to === store.to)) continue;
      yield [
        name(`a store to ${store.to} becomes visible`),
        put({ ...visible(worker, [store]), stores: without(stores, i) }),
      ];
    }
    const store = (from: Worker, ...more: Omit<Store, "old">[]): Partial<Worker> => {
      const all = more.map((each) => ({ ...each, old: false }));
      return memory === "immediate" ? visible(from, all) : { stores: [...from.stores, ...all] };
    };
    const sent = (from: Worker): Worker => ({
      ...from,
      ...visible(from, from.stores),
      stores: [],
      outbox: [...from.outbox, ...gathered],
      gathered: [],
    });
    const flushed = (): Partial<Worker> => {
      const after = sent(worker);
      return { ...after, ...store(after, { to: "p", value: 0 }) };
    };
    const [current] = batch;
    switch (step) {
      case "read":
        if (current === undefined) {
          if (inbox.length > 0) yield [name("reads"), put({ inbox: [], batch: inbox })];
          if (gathered.length > 0) {
            if (rules.sendFirst) yield [name("sends its answers"), put(flushed())];
            else yield [name("forgets its answers"), put({ step: "sent", ...store(worker, { to: "p", value: 0 }) })];
          }
          return;
        }
        // It has waited long enough.
        if (gathered.length > 0 && rules.sendFirst) yield [name("sends its answers early"), put(flushed())];
        if (rules.noteFirst) {
          yield [name("notes"), put({ step: "noted", ...store(worker, { to: "s", value: current[0] }) })];
        } else yield [name("looks for what is recalled"), put({ step: "noted", ...decided(worker, current[0]) })];
        return;
      case "noted":
        if (rules.noteFirst) {
          yield [name("looks for what is recalled"), put({ step: "execute", ...decided(worker, current![0]) })];
        } else yield [name("notes"), put({ step: "execute", ...store(worker, { to: "s", value: current![0] }) })];
        return;
      case "execute": {
        const mine = worker.mine || !rules.heedRecall;
        const executed = state.executed.map((count, i) => mine && i === current![1] ? count + 1 : count);
        yield [name(mine ? "executes" : "skips"), put({ step: "answer", mine }, { executed })];
        return;
      }
      case "answer": {
        const answer: Frame = [current![0], worker.mine ? current![1] : RECALLED];
        const slot = gathered.length;
        const finished = state.finished.map((each, i) => each || i === answer[1]);
        yield [
          name("notes its answer"),
          put(
            {
              step: "read",
              mine: true,
              batch: batch.slice(1),
              gathered: [...gathered, answer],
              ...store(worker, { to: slot, value: answer }, { to: "p", value: slot + 1 }),
            },
            { finished },
          ),
        ];
        return;
      }
      case "sent":
        yield [name("sends what it has forgotten"), put({ ...sent(worker), step: "read" })];
    }
  }

  /** What the worker finds in the word `recalled`. */
  function decided({ seen, recalling, recalled }: Worker, id: number): Partial<Worker> {
    if (recalled !== seen) recalling = true;
    if (recalling) recalling = id <= recalled;
    return { seen: recalled, recalling, mine: !recalling };
  }

  function* ofSupervisor(state: State, worker: Worker, put: Put, name: Name): Generator<readonly [string, State]> {
    const { inFlight, last, stalled, inbox, looked, started, pending, stores, outbox } = worker;
    const [next, ...queue] = state.queue;
    if (next !== undefined && inFlight.length < window && last < ids && (stalled === 0 || !rules.holdBack)) {
      const frame: Frame = [last + 1, next];
      yield [
        name(`gets request ${next + 1}`),
        put({ last: last + 1, inFlight: [...inFlight, frame], inbox: [...inbox, frame] }, { queue }),
      ];
    }
    if (outbox.length > 0) yield [name("is heard"), heard(state, worker, put)];
    if (inFlight.length < 2) return;
    if (looked === undefined) {
      yield [
        name("is looked at"),
        put({ looked: [started, pending], stores: stores.map((each) => ({ ...each, old: true })) }),
      ];
      return;
    }
    // A look has passed: what was stored before the one before is visible.
    if (rules.compareLooks && stores.some(({ old }) => old)) return;
    const now = { looked: [started, pending] as const, stores: stores.map((each) => ({ ...each, old: true })) };
    const changed = started !== looked[0] || pending !== looked[1];
    if (changed && rules.compareLooks) {
      yield [name("is looked at, and has gone on"), put(now)];
      return;
    }
    const early = answersIn(worker).filter(([id, content]) =>
      content !== RECALLED && inFlight.some((each) => each[0] === id)
    );
    let outcome = state.outcome;
    for (const [id, content] of early) outcome = settled(outcome, requestOf(inFlight, id)!, content);
    let rest = inFlight.filter(([id]) => !early.some((each) => each[0] === id));
    let known = [...worker.known, ...early.map(([id]) => id)];
    if (stalled === 0 && (rules.waitBeforeTakingBack || rest.length < 2)) {
      const recall = rest.length < 2 ? {} : { stalled: rest.at(-1)![0], recalled: rest.at(-1)![0] };
      yield [name("is recalled"), put({ ...now, inFlight: rest, known, ...recall }, { outcome })];
      return;
    }
    const taken = rest.filter(([id]) => id > started);
    rest = rest.filter(([id]) => id <= started);
    known = [...known, ...taken.map(([id]) => id)];
    const back = [...taken.map(([, request]) => request), ...state.queue];
    const recalled = stalled === 0 ? { stalled: inFlight.at(-1)![0], recalled: inFlight.at(-1)![0] } : {};
    yield [
      name("loses what it has not begun"),
      put({ ...now, inFlight: rest, known, ...recalled }, { outcome, queue: back }),
    ];
  }

  /** The state after the next frame of a worker was read. */
  function heard(state: State, worker: Worker, put: Put): State {
    const [[id, content], ...outbox] = worker.outbox as [Frame, ...Frame[]];
    const changed = { outbox, looked: undefined, stalled: 0 };
    if (worker.known.includes(id) && rules.ignoreKnown) {
      return put({ ...changed, known: worker.known.filter((each) => each !== id) });
    }
    const request = requestOf(worker.inFlight, id);
    // In the real one it breaks the protocol, and the worker is killed.
    if (request === undefined) {
      return put(changed, { outcome: settled(state.outcome, content === RECALLED ? 0 : content, content) });
    }
    const inFlight = worker.inFlight.filter((each) => each[0] !== id);
    return content === RECALLED
      ? put({ ...changed, inFlight }, { queue: [request, ...state.queue] })
      : put({ ...changed, inFlight }, { outcome: settled(state.outcome, request, content) });
  }

  function* ofDeath(state: State, worker: Worker, put: Put, name: Name): Generator<readonly [string, State]> {
    if (worker.outbox.length > 0 && rules.readFramesFirst) {
      yield [name("is heard after its death"), heard(state, worker, put)];
      return;
    }
    const answers = rules.readLedger ? answersIn(worker) : [];
    let { outcome, queue } = state;
    const back: number[] = [];
    for (const [id, request] of worker.inFlight) {
      const answer = answers.find((each) => each[0] === id);
      if (answer !== undefined && answer[1] !== RECALLED) outcome = settled(outcome, request, answer[1]);
      else if (rules.loseBegun && answer === undefined && worker.started !== 0 && id <= worker.started) {
        outcome = outcome.map((each, i) => i === request ? 2 : each);
      } else if (rules.putBack) back.push(request);
    }
    queue = [...back, ...queue];
    yield [name("is replaced"), put(FRESH, { outcome, queue })];
  }

  function requestOf(inFlight: readonly Frame[], id: number): number | undefined {
    return inFlight.find((each) => each[0] === id)?.[1];
  }

  function settled(outcome: readonly number[], request: number, content: number): number[] {
    return outcome.map((each, i) => i !== request ? each : each !== 0 ? 4 : content === request ? 1 : 3);
  }

  return {
    start: {
      workers: Array.from({ length: workers }, () => FRESH),
      queue: all,
      executed: all.map(() => 0),
      outcome: all.map(() => 0),
      finished: all.map(() => false),
    },
    steps,
    encode: (state) => encode(state),
    fault({ executed, outcome, finished }) {
      const twice = executed.findIndex((count) => count > 1);
      if (twice >= 0) return `Request ${twice + 1} was executed twice`;
      const foreign = outcome.indexOf(3);
      if (foreign >= 0) return `Request ${foreign + 1} got the answer of another`;
      const forgotten = outcome.findIndex((each, i) => each === 2 && finished[i]);
      if (forgotten >= 0) return `Request ${forgotten + 1} was lost, although its answer was noted`;
      const again = outcome.indexOf(4);
      return again >= 0 ? `Request ${again + 1} was answered twice` : undefined;
    },
    isDone: ({ outcome }) => outcome.every((each) => each !== 0),
  };
}

/** The answers that a ledger shows. */
function answersIn({ pending, slots }: Worker): readonly Frame[] {
  return slots.slice(0, pending);
}

/** The ledger when these stores are visible. */
function visible(
  { started, pending, slots }: Worker,
  stores: readonly Store[],
): Pick<Worker, "started" | "pending" | "slots"> {
  const filled = [...slots];
  for (const { to, value } of stores) {
    if (to === "s") started = value as number;
    else if (to === "p") pending = value as number;
    else {
      // What was there before: nothing that anybody could take for an answer.
      while (filled.length < to) filled.push([0, 0]);
      filled[to] = value as Frame;
    }
  }
  return { started, pending, slots: filled };
}

function without<T>(list: readonly T[], index: number): T[] {
  return list.filter((_, i) => i !== index);
}

/**
 * Ids are counted anew, by their order alone, since how many there were before makes no difference; requests and workers that differ in
 * nothing but their numbers are the same.
 */
function encode(state: State): string {
  const requests = new Map<number, number>();
  const request = (number: number) => {
    if (number < 0) return "r";
    if (!requests.has(number)) requests.set(number, requests.size);
    return String(requests.get(number));
  };
  const texts = state.workers.map((worker) => [shapeOf(worker), worker] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([shape, worker]) => `${shape}:${framesOf(worker).map(([, content]) => request(content)).join("")}`);
  const queue = state.queue.map(request).join("");
  const rest = state.executed.map((count, i) => [i, count] as const)
    .sort(([a], [b]) => (requests.get(a) ?? 9) - (requests.get(b) ?? 9) || order(state, a) - order(state, b))
    .map(([i, count]) => `${requests.get(i) ?? "-"}${count}${state.outcome[i]}${state.finished[i] ? "f" : ""}`);
  return `${texts.join("/")}/${queue}/${rest.join(",")}`;
}

function order({ executed, outcome, finished }: State, i: number): number {
  return executed[i]! * 100 + outcome[i]! * 10 + (finished[i] ? 1 : 0);
}

function framesOf({ inbox, batch, gathered, stores, slots, outbox, inFlight }: Worker): Frame[] {
  const stored = stores.flatMap(({ value }) => typeof value === "number" ? [] : [value]);
  return [...inFlight, ...inbox, ...batch, ...gathered, ...stored, ...slots, ...outbox];
}

/** All of a worker but which requests it has. */
function shapeOf(worker: Worker): string {
  const { dead, inbox, batch, step, seen, recalling, mine, gathered, stores, started, pending, slots, recalled } =
    worker;
  const { outbox, inFlight, last, known, looked, stalled } = worker;
  const used = new Set<number>([started, seen, recalled, stalled, last, ...known, ...(looked ? [looked[0]] : [])]);
  for (const [id] of framesOf(worker)) used.add(id);
  for (const { to, value } of stores) if (to === "s") used.add(value as number);
  used.delete(0);
  const ranks = new Map([...used].sort((a, b) => a - b).map((id, i) => [id, i + 1]));
  const rank = (id: number) => ranks.get(id) ?? 0;
  const ids = (frames: readonly Frame[]) => frames.map(([id]) => rank(id)).join("");
  const stored = stores.map(({ to, value, old }) =>
    `${to}${to === "p" ? value : to === "s" ? rank(value as number) : rank((value as Frame)[0])}${old ? "!" : ""}`
  );
  return [
    dead ? 1 : 0,
    ids(inbox),
    ids(batch),
    step[0],
    rank(seen),
    recalling ? 1 : 0,
    mine ? 1 : 0,
    ids(gathered),
    stored.join(""),
    rank(started),
    pending,
    ids(slots),
    rank(recalled),
    ids(outbox),
    ids(inFlight),
    rank(last),
    known.map(rank).join(""),
    looked ? `${rank(looked[0])}.${looked[1]}` : "",
    rank(stalled),
  ].join(",");
}
