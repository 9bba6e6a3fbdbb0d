/** A search of all states that a model can reach, breadth first. */

/** A model of something that happens in steps. */
export interface Model<State> {
  readonly start: State;
  /** All steps that may be taken in a state, with their names. */
  steps(state: State): Iterable<readonly [name: string, next: State]>;
  /** A text that is the same for two states only if they can't be told apart. */
  encode(state: State): string;
  /** What is wrong with a state; undefined if nothing is. */
  fault(state: State): string | undefined;
  /** Whether everything is done. Such a state has to stay reachable from every other one. */
  isDone(state: State): boolean;
}

/** What a search has found. */
export interface Found {
  readonly states: number;
  readonly steps: number;
  /** The first fault, with the names of the steps that lead to it. */
  readonly fault?: { readonly what: string; readonly trace: readonly string[] };
}

/**
 * Searches.
 *
 * @param most how many states there may be
 * @throws {RangeError} if there are more
 */
export function search<State>(model: Model<State>, most: number): Found {
  const numbers = new Map<string, number>();
  /** By number: how it was reached, who leads to it, and the states whose steps are still to be looked at. */
  const reached: { readonly from: number; readonly by: string }[] = [];
  const leadingTo: number[][] = [];
  const done: number[] = [];
  let steps = 0;
  let frontier: { readonly state: State; readonly number: number }[] = [];
  const found = (what: string, number: number): Found => ({
    states: numbers.size,
    steps,
    fault: { what, trace: traceOf(number) },
  });
  const traceOf = (number: number) => {
    const trace: string[] = [];
    for (let at = number; at > 0; at = reached[at]!.from) trace.unshift(reached[at]!.by);
    return trace;
  };
  const visit = (state: State, from: number, by: string): number | undefined => {
    const key = model.encode(state);
    const known = numbers.get(key);
    if (known !== undefined) {
      leadingTo[known]!.push(from);
      return undefined;
    }
    const number = numbers.size;
    if (number >= most) throw new RangeError(`There are more than ${most} states`);
    numbers.set(key, number);
    reached.push({ from, by });
    leadingTo.push([from]);
    frontier.push({ state, number });
    return number;
  };
  visit(model.start, 0, "");
  while (frontier.length > 0) {
    const current = frontier;
    frontier = [];
    for (const { state, number } of current) {
      const fault = model.fault(state);
      if (fault !== undefined) return found(fault, number);
      if (model.isDone(state)) done.push(number);
      for (const [name, next] of model.steps(state)) {
        steps++;
        visit(next, number, name);
      }
    }
  }
  // Backwards from where everything is done: whatever is not met can never get there.
  const ends = new Uint8Array(numbers.size);
  const stack = [...done];
  for (const number of done) ends[number] = 1;
  for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
    for (const from of leadingTo[number]!) {
      if (ends[from] === 0) {
        ends[from] = 1;
        stack.push(from);
      }
    }
  }
  const stuck = ends.indexOf(0);
  return stuck < 0 ? { states: numbers.size, steps } : found("It never ends from here", stuck);
}
