/** The steps of a worker, as in `python/aimodellib/_bridge/serve.py` and `ledger.py`, and its death. */

import type { Assumptions, Bounds, Rules } from "./rules.ts";
import {
  aged,
  ANSWERS,
  FRESH,
  PENDING,
  sent,
  STARTED,
  type Step,
  step,
  TORN,
  visible,
  type WorkerState,
} from "./state.ts";

/** Yields the possible steps of a worker. */
export function stepsOfWorker(
  { memory }: Bounds,
  rules: Rules,
  { executionTakesLong }: Assumptions,
): (worker: WorkerState) => Step[] {
  return (worker) => worker.phase === "dead" ? [] : [...become(worker), ...proceed(worker), ...die(worker)];

  function store(worker: WorkerState, ...stores: [to: number, value: number][]): WorkerState {
    const all = stores.map(([to, value]) => ({ to, value, old: false }));
    return memory === "immediate" ? visible(worker, all) : { ...worker, stores: [...worker.stores, ...all] };
  }

  /** Stores become visible in any order, except those to the same place. */
  function become(worker: WorkerState): Step[] {
    const { stores } = worker;
    return stores.flatMap((each, i) =>
      stores.findIndex(({ to }) => to === each.to) < i
        ? []
        : [step(`store ${each.to} becomes visible`, { ...visible(worker, [each]), stores: stores.toSpliced(i, 1) })]
    );
  }

  /**
   * The next of what it does. To execute a request is one step with the load or store before it, since nobody else can see how much time is
   * between them. For the same reason all answers are sent in one step, unless it dies meanwhile.
   */
  function proceed(worker: WorkerState): Step[] {
    const { frames, noted, phase, executes, flushing } = worker;
    const current = worker.sent + noted + 1;
    if (flushing) {
      return rules.sendFirst
        ? [step("resets pending", { ...reset(worker), flushing: false })]
        : [step("sends the answers", { ...sent(worker, noted), flushing: false })];
    }
    switch (phase) {
      case "idle": {
        const steps = noted > 0 ? [flush(worker)] : [];
        if (current > frames.length) return steps;
        if (!rules.noteFirst) {
          return [...steps, step("loads recalled", { ...worker, phase: "decided", executes: isMine(worker, current) })];
        }
        return rules.wholeWords
          ? [...steps, step("stores started", store({ ...worker, phase: "noted" }, [STARTED, current]))]
          : [...steps, step("stores half of started", store({ ...worker, phase: "zeroed" }, [STARTED, 0]))];
      }
      case "zeroed":
        return [step("stores started", store({ ...worker, phase: "noted" }, [STARTED, current]))];
      case "noted": {
        const mine = isMine(worker, current);
        const next: WorkerState = { ...worker, phase: "answering", executes: mine };
        return [step(mine ? "executes" : "skips", next, execute(mine, current))];
      }
      case "decided": {
        const next = store({ ...worker, phase: "answering" }, [STARTED, current]);
        return [step(`stores started, and ${executes ? "executes" : "skips"}`, next, execute(executes, current))];
      }
      case "answering": {
        const large = noted === 0 ? step("sends a large answer", answered(sent(worker, 0), "sent")) : flush(worker);
        if (executionTakesLong && worker.stores.length > 0) return [large];
        const at = ANSWERS + noted;
        const next = store(answered(worker, "noted"), [at, TORN], [at, current], [PENDING, noted + 1]);
        return [large, step("notes the answer", next)];
      }
      case "dead":
        return [];
    }
  }

  /** `Ledger.begin()` determines the same from `seen` and `recalling`, which it needs because ids wrap around. */
  function isMine({ recalled }: WorkerState, current: number): boolean {
    return current > recalled || !rules.heedRecall;
  }

  function flush(worker: WorkerState): Step {
    return rules.sendFirst
      ? step("sends the answers", { ...sent(worker, worker.noted), flushing: true })
      : step("resets pending", { ...reset(worker), flushing: true });
  }

  function reset(worker: WorkerState): WorkerState {
    return store(rules.countFlushes ? aged(worker) : worker, [PENDING, 0]);
  }

  /** The worker is killed between any two steps. If it was sending answers, some of them were sent. */
  function die(worker: WorkerState): Step[] {
    const { noted, phase, flushing } = worker;
    const sending = rules.sendFirst ? !flushing && (phase === "idle" || phase === "answering") : flushing;
    return Array.from({ length: sending ? Math.max(1, noted) : 1 }, (_, count) => {
      const { frames, sent: all, answers, started, pending, recalled, looked, stalled } = sent(worker, count);
      const left = { frames, sent: all, answers, started, pending, recalled, looked, stalled };
      return step(count === 0 ? "is killed" : `is killed when it has sent ${count}`, {
        ...FRESH,
        ...left,
        phase: "dead",
      });
    });
  }
}

/** Returns the current request once its answer is recorded or sent. */
function answered(worker: WorkerState, by: "noted" | "sent"): WorkerState {
  const { frames, executes } = worker;
  const index = worker.sent + worker.noted;
  return {
    ...worker,
    frames: frames.with(index, { ...frames[index]!, answer: executes ? "result" : "recalled" }),
    [by]: worker[by] + 1,
    phase: "idle",
    executes: false,
  };
}

function execute(mine: boolean, place: number): Step["effects"] {
  return mine ? [{ kind: "execute", place }] : [];
}
