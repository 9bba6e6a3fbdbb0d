import type { Automaton, Transition } from "./automaton.ts";
import type { Model } from "./search.ts";

/** The largest number of requests, and the bits of a request's number in a list. */
const MOST = 5;
const BITS = 3;
const LIST_BITS = MOST * BITS;

/**
 * Some workers and the queue that they take requests from. A state is packed into words:
 *
 * - one for each worker: the number of its state in the automaton, and above that the list of the requests which that names
 * - the last one: the queue and its length, which requests were executed, and which were settled (answered, or lost with a worker)
 *
 * Workers are sorted by their states, and requests are numbered in the order in which they appear in these words. So states that differ
 * only in which worker or which request is which are one state. A request that appears nowhere is settled, and forgotten.
 *
 * @param automaton the states of one worker
 * @param requests how many are in the queue at the start
 */
export function poolOf(automaton: Automaton, workers: number, requests: number): Model {
  if (requests > MOST) throw new RangeError(`There are more than ${MOST} requests`);
  if (automaton.names.length >= 2 ** (32 - LIST_BITS)) throw new RangeError("A worker has too many states");
  const names = Uint8Array.from(automaton.names);
  const { transitions } = automaton;

  // The words of the state after a step.
  const words = new Uint32Array(workers);
  let queue = 0;
  let queued = 0;
  let executed = 0;
  let settled = 0;

  function take(worker: number, { to, takes, effects, requests }: Transition): string | undefined {
    const mine = words[worker]! >>> 0;
    let back = 0;
    let count = 0;
    for (const { kind, request, what } of effects) {
      const number = at(mine, request);
      const bit = 1 << number;
      if (kind === "execute") {
        if ((executed & bit) !== 0) return "A request was executed twice";
        executed |= bit;
      } else if (kind === "settle" || kind === "lose") {
        if ((settled & bit) !== 0) return "A request was answered twice";
        settled |= bit;
      } else if (kind === "putBack") back |= number << (BITS * count++);
      else return what ?? "A request will never be answered: nobody has it";
    }
    queue = back | (queue << (BITS * count));
    queued += count;
    let after = 0;
    for (let i = 0; i < requests.length; i++) {
      const from = requests[i]!;
      after |= (from < 0 ? queue & 7 : at(mine, from)) << (BITS * i);
    }
    if (takes) {
      queue >>>= BITS;
      queued--;
    }
    words[worker] = (to << LIST_BITS) | after;
    return undefined;
  }

  function pack(next: Uint32Array): void {
    for (let i = 1; i < workers; i++) {
      const word = words[i]!;
      let place = i;
      for (; place > 0 && words[place - 1]! >>> LIST_BITS > word >>> LIST_BITS; place--) {
        words[place] = words[place - 1]!;
      }
      words[place] = word;
    }
    // The list of new numbers, which count from 1.
    let numbers = 0;
    let count = 0;
    for (let i = 0; i <= workers; i++) {
      const list = i < workers ? words[i]! : queue;
      const length = i < workers ? names[list >>> LIST_BITS]! : queued;
      let renumbered = 0;
      for (let k = 0; k < length; k++) {
        const request = at(list, k);
        let number = at(numbers, request);
        if (number === 0) {
          number = ++count;
          numbers |= number << (BITS * request);
        }
        renumbered |= (number - 1) << (BITS * k);
      }
      if (i < workers) next[i] = ((list >>> LIST_BITS) << LIST_BITS) | renumbered;
      else next[i] = renumbered | (queued << LIST_BITS);
    }
    let bits = 0;
    for (let request = 0; request < MOST; request++) {
      const number = at(numbers, request);
      if (number === 0) continue;
      bits |= ((executed >>> request) & 1) << (number - 1);
      bits |= ((settled >>> request) & 1) << (number - 1 + MOST);
    }
    next[workers] = next[workers]! | (bits << (LIST_BITS + BITS));
  }

  function load(state: Uint32Array): void {
    for (let worker = 0; worker < workers; worker++) words[worker] = state[worker]!;
    const rest = state[workers]!;
    queue = rest & (2 ** LIST_BITS - 1);
    queued = (rest >>> LIST_BITS) & 7;
    executed = (rest >>> (LIST_BITS + BITS)) & (2 ** MOST - 1);
    settled = rest >>> (LIST_BITS + BITS + MOST);
  }

  const start = new Uint32Array(workers + 1);
  queued = requests;
  for (let request = 0; request < requests; request++) queue |= request << (BITS * request);
  pack(start);
  return {
    words: workers + 1,
    start,
    expand(state, next, onStep) {
      for (let worker = 0; worker < workers; worker++) {
        for (const step of transitions[state[worker]! >>> LIST_BITS]!) {
          load(state);
          if (step.takes && queued === 0) continue;
          const fault = take(worker, step);
          if (fault === undefined) pack(next);
          const result = onStep(step.name, fault);
          if (result !== undefined) return result;
        }
      }
      return undefined;
    },
    isDone(state) {
      load(state);
      return queued === 0 && words.every((word) => {
        for (let i = 0; i < names[word >>> LIST_BITS]!; i++) if (((settled >>> at(word, i)) & 1) === 0) return false;
        return true;
      });
    },
  };
}

/** Returns an entry of a list. */
function at(list: number, index: number): number {
  return (list >>> (BITS * index)) & (2 ** BITS - 1);
}
