/**
 * Shared memory for large bodies of requests: a body is received into it, and the worker that gets the request reads it there.
 *
 * There is one such memory for all workers, since a body is received before it is known which worker executes the request. Workers can't
 * write to it. A slot is in use from the first byte of a body until nobody needs that body: the client was answered, or has left, and
 * no worker has the request (`Lease`).
 */

import { IdleTimer } from "./idle.ts";
import { Lease } from "../lease.ts";
import { SharedMemory } from "./shared_memory.ts";
import { GIVE_BACK_STEP, MAX_EXCESS, REQUEST_SLOTS, SHARED, SHARED_SLOT_BYTES } from "./shared_slots.ts";
import { Slots } from "./slots.ts";

/** Bodies shorter than this, in bytes, are not worth a slot. */
export const MIN_SHARED_BYTES = 16 * 1024;

const IDLE_MS = 1000;

/** The supervisor's side of the memory for requests. */
export class RequestMemory implements Disposable {
  /** Undefined where memory can't be shared; "unmade" before it is needed. */
  #memory: SharedMemory | undefined | "unmade" = "unmade";
  readonly #slots = new Slots(REQUEST_SLOTS);
  /** The bytes at the end of each slot that may take memory. */
  readonly #kept = new Uint32Array(REQUEST_SLOTS);
  readonly #idle: IdleTimer;
  #disposed = false;

  /** @param idleMs how long the memory of a free slot is kept for the next body, at least; at most twice that */
  constructor(idleMs = IDLE_MS) {
    this.#idle = new IdleTimer(idleMs, () => this.#giveBack());
  }

  /** The file for workers; undefined where memory can't be shared. The first call makes it: this takes a millisecond. */
  get file(): Pick<SharedMemory, "path" | "inode"> | undefined {
    if (this.#memory === "unmade") {
      this.#memory = this.#disposed ? undefined : SharedMemory.create(REQUEST_SLOTS * SHARED_SLOT_BYTES);
    }
    return this.#memory;
  }

  /** Lends memory for a body of `length` bytes; undefined if it is too short or too long for a slot, or no slot is free. */
  lend(length: number): Lease | undefined {
    if (length < MIN_SHARED_BYTES || length > SHARED_SLOT_BYTES || this.#disposed) return undefined;
    const memory = this.#memory;
    if (memory === undefined || memory === "unmade") return undefined;
    const slot = this.#slots.take();
    if (slot === undefined) return undefined;
    this.#shrink(memory, slot, length);
    // A body ends where its slot ends: then its length tells where it begins, also for the rest of a body without its beginning.
    const bytes = memory.view((slot + 1) * SHARED_SLOT_BYTES - length, length);
    return new Lease(bytes, SHARED | slot, () => this.#free(slot));
  }

  /** Gives back what the slot keeps of a much longer body: the next one may stay for long. */
  #shrink(memory: SharedMemory, slot: number, length: number): void {
    const kept = this.#kept[slot]!;
    const needed = Math.ceil(length / GIVE_BACK_STEP) * GIVE_BACK_STEP;
    if (kept > needed + MAX_EXCESS) memory.discard((slot + 1) * SHARED_SLOT_BYTES - kept, kept - needed);
    if (kept < needed || kept > needed + MAX_EXCESS) this.#kept[slot] = needed;
  }

  #free(slot: number): void {
    this.#slots.free(slot);
    if (!this.#disposed) this.#idle.start();
    else this.#unmapIfUnused();
  }

  #giveBack(): boolean {
    const memory = this.#memory as SharedMemory;
    for (const slot of this.#slots.takeIdle()) {
      memory.discard(slot * SHARED_SLOT_BYTES, SHARED_SLOT_BYTES);
      this.#kept[slot] = 0;
    }
    return this.#slots.warm;
  }

  #unmapIfUnused(): void {
    if (this.#memory !== "unmade" && this.#slots.used === 0) this.#memory?.[Symbol.dispose]();
  }

  /** Lends no more, and unmaps the memory as soon as nobody uses it. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#idle[Symbol.dispose]();
    this.#unmapIfUnused();
  }
}
