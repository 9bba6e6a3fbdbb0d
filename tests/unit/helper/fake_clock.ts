/** A clock that a test advances. */

interface Timer {
  readonly id: number;
  at: number;
  readonly every?: number;
  readonly call: () => void;
}

/** Replaces `setTimeout`, `setInterval` and `performance.now` until it is disposed. */
export class FakeClock implements Disposable {
  /** The current time in ms. */
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

  /** The time until each timer is due, in ms. */
  get pending(): number[] {
    return [...this.#timers.values()].map(({ at }) => at - this.now);
  }

  /** Advances the clock, and calls the timers that become due, in order. */
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

  /** Advances the clock as if the process had been stopped: each timer that is due is called once, at the end. */
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
