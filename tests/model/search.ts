/** A search of all states that a model can reach, breadth first. A state is a few words, so that tens of millions fit in memory. */

/** A model whose states change in steps. */
export interface Model {
  /** The size of a state, in words of 32 bits. */
  readonly words: number;
  readonly start: Uint32Array;
  /**
   * Takes each possible step of a state in turn.
   *
   * @param state the words of the state
   * @param next where the words of the state after a step are put
   * @param onStep is called after each step with its name and what is wrong with it, if anything; a text that it returns ends this
   * @returns what `onStep` has returned last
   */
  expand(state: Uint32Array, next: Uint32Array, onStep: OnStep): string | undefined;
  /** Whether everything is done. Such a state must stay reachable from every other one. */
  isDone(state: Uint32Array): boolean;
}

type OnStep = (name: string, fault: string | undefined) => string | undefined;

/** The result of a search. */
export interface Found {
  readonly states: number;
  readonly steps: number;
  /** The first fault, with the names of the steps that lead to it. */
  readonly fault?: { readonly what: string; readonly trace: readonly string[] };
}

/**
 * Visits all states until it finds a fault.
 *
 * @param most how many states there may be
 * @throws {RangeError} if there are more
 */
export function search(model: Model, most: number): Found {
  const states = new States(model.words, most);
  const steps = new Words();
  /** For each state, where its steps begin. */
  const first = new Words();
  const next = new Uint32Array(model.words);
  states.add(model.start, 0);
  const found = (what: string, trace: readonly string[]): Found => ({
    states: states.count,
    steps: steps.length,
    fault: { what, trace },
  });
  for (let number = 0; number < states.count; number++) {
    first.push(steps.length);
    let last: string | undefined;
    const fault = model.expand(states.at(number), next, (name, fault) => {
      if (fault === undefined) steps.push(states.add(next, number));
      else last = name;
      return fault;
    });
    if (fault !== undefined) return found(fault, [...traceTo(model, states, number), last!]);
  }
  first.push(steps.length);
  const stuck = firstStuck(model, states, steps, first);
  return stuck === undefined
    ? { states: states.count, steps: steps.length }
    : found("It never ends from here", traceTo(model, states, stuck));
}

/** Returns the first state from which no final state can be reached. */
function firstStuck(model: Model, states: States, steps: Words, first: Words): number | undefined {
  const ends = new Uint8Array(states.count);
  for (let number = 0; number < states.count; number++) ends[number] = model.isDone(states.at(number)) ? 1 : 0;
  for (let changed = true; changed;) {
    changed = false;
    // From the last state to the first, since most steps lead to a later state.
    for (let number = states.count - 1; number >= 0; number--) {
      const end = first.at(number + 1);
      for (let i = first.at(number); i < end && ends[number] === 0; i++) {
        if (ends[steps.at(i)] === 0) continue;
        ends[number] = 1;
        changed = true;
      }
    }
  }
  const stuck = ends.indexOf(0);
  return stuck < 0 ? undefined : stuck;
}

function traceTo(model: Model, states: States, number: number): string[] {
  const trace: string[] = [];
  const next = new Uint32Array(model.words);
  for (let at = number; at > 0; at = states.from(at)) {
    const name = model.expand(
      states.at(states.from(at)),
      next,
      (name, fault) => fault === undefined && states.find(next) === at ? name : undefined,
    );
    trace.unshift(name!);
  }
  return trace;
}

/** A list of words that grows. */
class Words {
  length = 0;
  #words = new Uint32Array(2 ** 12);

  at(index: number): number {
    return this.#words[index]!;
  }

  push(word: number): void {
    if (this.length === this.#words.length) {
      const larger = new Uint32Array(this.length * 2);
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words[this.length++] = word;
  }

  slice(start: number, end: number): Uint32Array {
    return this.#words.subarray(start, end);
  }
}

/** The states found until now, by number. */
class States {
  count = 0;
  readonly #length: number;
  readonly #most: number;
  readonly #words = new Words();
  /** For each state, the one from which it was found first. */
  readonly #from = new Words();
  /** A hash table with open addressing, whose entries are the number of a state plus one, or 0. */
  #table = new Uint32Array(2 ** 16);

  constructor(length: number, most: number) {
    this.#length = length;
    this.#most = most;
  }

  at(number: number): Uint32Array {
    return this.#words.slice(number * this.#length, (number + 1) * this.#length);
  }

  from(number: number): number {
    return this.#from.at(number);
  }

  /** Returns the number of a state; -1 if it was not found yet. */
  find(state: Uint32Array): number {
    return this.#table[this.#place(state)]! - 1;
  }

  /** Returns the number of a state, which may be found already. */
  add(state: Uint32Array, from: number): number {
    const place = this.#place(state);
    const known = this.#table[place]!;
    if (known !== 0) return known - 1;
    if (this.count >= this.#most) throw new RangeError(`There are more than ${this.#most} states`);
    for (let i = 0; i < this.#length; i++) this.#words.push(state[i]!);
    this.#from.push(from);
    this.#table[place] = ++this.count;
    if (this.count * 2 > this.#table.length) this.#grow();
    return this.count - 1;
  }

  /** Returns the place of a state in the table, or the free place for it. */
  #place(state: Uint32Array): number {
    let hash = 0;
    for (let i = 0; i < this.#length; i++) {
      hash = Math.imul(hash ^ state[i]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    const mask = this.#table.length - 1;
    let place = hash & mask;
    for (let found = this.#table[place]!; found !== 0; found = this.#table[place]!) {
      if (this.#equals(found - 1, state)) break;
      place = (place + 1) & mask;
    }
    return place;
  }

  #equals(number: number, state: Uint32Array): boolean {
    const start = number * this.#length;
    for (let i = 0; i < this.#length; i++) if (this.#words.at(start + i) !== state[i]) return false;
    return true;
  }

  #grow(): void {
    this.#table = new Uint32Array(this.#table.length * 2);
    for (let number = 0; number < this.count; number++) this.#table[this.#place(this.at(number))] = number + 1;
  }
}
