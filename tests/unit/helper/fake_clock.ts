/** A clock that a test moves. */

interface Timer {
  readonly id: number;
  at: number;
  readonly every?: number;
  readonly call: () => void;
}

/** Takes the place of `setTimeout`, `setInterval`, and `performance.now`, until disposed. */
export class FakeClock implements Disposable {
  /** In ms. */
  now = 0;
  readonly #timers = new Map<number, Timer>();
  readonly #real = { setTimeout, clearTimeout, setInterval, clearInterval, now: performance.now };
  #last = 0;

  constructor() {
    Object.assign(globalThis, {
      setTimeout: (call: () => void, ms = 0) => this.#add({ at: this.now + ms, call }),
      setInterval: (call: () => void, ms = 0) => this.#add({ at: this.now + ms, call, every: ms }),
      clearTimeout: (id: number) => void this.#timers.delete(id),
      clearInterval: (id: number) => void this.#timers.delete(id),
    });
    performance.now = () => this.now;
  }

  /** For how long until each timer, in ms. */
  get pending(): number[] {
    return [...this.#timers.values()].map(({ at }) => at - this.now);
  }

  /** Moves on, and calls what is due on the way, in its order. */
  advance(ms: number): void {
    const end = this.now + ms;
    while (true) {
      const due = [...this.#timers.values()].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.now = due.at;
      if (due.every === undefined) this.#timers.delete(due.id);
      else due.at += due.every;
      due.call();
    }
    this.now = end;
  }

  /** Moves on as when this process did not run meanwhile: what is due is called at the end, once. */
  skip(ms: number): void {
    this.now += ms;
    for (const timer of [...this.#timers.values()].filter(({ at }) => at <= this.now).sort((a, b) => a.at - b.at)) {
      if (timer.every === undefined) this.#timers.delete(timer.id);
      else timer.at = this.now + timer.every;
      timer.call();
    }
  }

  #add(timer: Omit<Timer, "id">): number {
    const id = ++this.#last;
    this.#timers.set(id, { id, ...timer });
    return id;
  }

  [Symbol.dispose](): void {
    const { now, ...timers } = this.#real;
    Object.assign(globalThis, timers);
    performance.now = now;
  }
}
