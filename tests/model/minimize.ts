/** Merges states of a worker that are indistinguishable from outside. */

import type { Automaton, Transition } from "./automaton.ts";

/** The kind of a step without effect; other kinds are the numbers of effects. */
const SILENT = 0;

/** More than there are states. A kind times this, and the number of a state, is a step in one number. */
const MOST = 2 ** 20;

type Steps = readonly (readonly { readonly kind: number; readonly to: number }[])[];

/**
 * The smallest automaton that can do the same to requests, in the same order, and has the same choices left after each step.
 * Steps that have no effect and leave all choices as they were vanish.
 *
 * This is branching bisimulation (van Glabbeek and Weijland, 1996). It stays one when the worker is put together with others, and it keeps
 * what is searched for: which faults can be reached, and whether the end can be reached from each state. It is found as the coarsest partition
 * whose blocks hold states of one signature (Blom and Orzan, 2003).
 */
export function minimized({ names, transitions }: Automaton): Automaton {
  const kinds = new Map([["", SILENT]]);
  const examples: Transition[] = [];
  const steps = transitions.map((each, from) =>
    each.map((transition) => {
      const { to, takes, effects, requests } = transition;
      if (isSilent(transition, names[from]!)) return { kind: SILENT, to };
      const kind = numberOf(kinds, JSON.stringify([takes, effects, requests]));
      examples[kind] ??= transition;
      return { kind, to };
    })
  );
  let blocks = names;
  let signatures: number[][];
  for (let count = 0;;) {
    signatures = signaturesOf(steps, blocks);
    const numbers = new Map<string, number>();
    blocks = signatures.map((signature, state) => numberOf(numbers, `${blocks[state]} ${signature.join()}`));
    if (numbers.size === count) break;
    count = numbers.size;
  }
  // The first state is in block 0, since blocks are numbered in this order.
  const members: number[] = [];
  blocks.forEach((block, state) => members[block] ??= state);
  return {
    names: members.map((state) => names[state]!),
    transitions: members.map((state) =>
      signatures[state]!.map((step) => {
        const [kind, to] = [Math.floor(step / MOST), step % MOST];
        const requests = Array.from({ length: names[state]! }, (_, i) => i);
        return kind === SILENT
          ? { name: "goes on", to, takes: false, effects: [], requests }
          : { ...examples[kind]!, to };
      })
    ),
  };
}

function isSilent({ takes, effects, requests }: Transition, names: number): boolean {
  return !takes && effects.length === 0 && requests.length === names && requests.every((request, i) => request === i);
}

/** By state, the steps that lead out of its block or have an effect; also those behind silent steps within the block. */
function signaturesOf(steps: Steps, blocks: readonly number[]): number[][] {
  const within = steps.map((each, from) =>
    each.flatMap(({ kind, to }) => kind === SILENT && blocks[to] === blocks[from] && to !== from ? [to] : [])
  );
  const found = steps.map((each, from) =>
    new Set(
      each.flatMap(({ kind, to }) => kind === SILENT && blocks[to] === blocks[from] ? [] : [kind * MOST + blocks[to]!]),
    )
  );
  for (let changed = true; changed;) {
    changed = false;
    // From the last state to the first, since most steps lead to a later state.
    for (let from = steps.length - 1; from >= 0; from--) {
      const mine = found[from]!;
      const before = mine.size;
      for (const to of within[from]!) for (const step of found[to]!) mine.add(step);
      changed ||= mine.size > before;
    }
  }
  return found.map((each) => [...each].sort((a, b) => a - b));
}

/** Returns the number of a key; a new key gets the next number. */
function numberOf(numbers: Map<string, number>, key: string): number {
  const known = numbers.get(key);
  if (known !== undefined) return known;
  numbers.set(key, numbers.size);
  return numbers.size - 1;
}
