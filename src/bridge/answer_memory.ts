/**
 * Shared memory for large bodies of one worker's answers: the worker writes a body there, and it is sent to the client from there.
 *
 *     0      u8 for each slot: how many of its bodies are not needed any more, modulo 256    written by the supervisor
 *     65536  the slots; in each, 4096 bytes of room for what is sent before the body, such as the head of the response, then the body
 *
 * The worker counts the bodies that it has written to each slot. A slot is free if both counts are equal. This memory outlives its
 * worker until the last body was sent.
 */

import { ProtocolError } from "../errors.ts";
import { detach } from "../memory.ts";
import { IdleTimer } from "./idle.ts";
import { Lease } from "../lease.ts";
import { SharedMemory } from "./shared_memory.ts";
import { ANSWER_ROOM, ANSWER_SLOTS, SHARED, SHARED_SLOT_BYTES, type SharedBody, SLOTS_START } from "./shared_slots.ts";

/** How many slots may wait for clients to read. Bodies in further ones are copied, so that slow clients do not use up all slots. */
const MAX_LENT = 12;

const IDLE_MS = 1000;

/** The supervisor's side of the memory for answers. */
export class AnswerMemory implements Disposable {
  readonly #memory: SharedMemory;
  readonly #counts: Uint8Array<ArrayBuffer>;
  readonly #lent = new Set<number>();
  readonly #idle: IdleTimer;
  /** Whether a body was sent since the last tick. */
  #busy = false;
  #disposed = false;

  private constructor(memory: SharedMemory, onIdle: () => void, idleMs: number) {
    this.#memory = memory;
    this.#counts = memory.view(0, ANSWER_SLOTS);
    this.#idle = new IdleTimer(idleMs, () => {
      const again = this.#busy;
      this.#busy = false;
      if (!again) onIdle();
      return again;
    });
  }

  /**
   * Makes the memory; returns undefined where memory can't be shared.
   *
   * @param onIdle called when no answer has used the memory for `idleMs`, or twice that: the worker is to give back what free slots take
   */
  static create(onIdle: () => void, idleMs = IDLE_MS): AnswerMemory | undefined {
    const memory = SharedMemory.create(SLOTS_START + ANSWER_SLOTS * SHARED_SLOT_BYTES);
    return memory && new AnswerMemory(memory, onIdle, idleMs);
  }

  /** Where the worker opens it, and how it tells it from others. */
  get file(): Pick<SharedMemory, "path" | "inode"> {
    return this.#memory;
  }

  /**
   * Lends the body of an answer. The holder releases it when the body was sent.
   *
   * @throws {ProtocolError} if there is no such slot, or its body is still in use
   */
  lend({ flags, length }: SharedBody): Lease {
    const slot = flags & ~SHARED;
    if (slot >= ANSWER_SLOTS || length > SHARED_SLOT_BYTES - ANSWER_ROOM || this.#lent.has(slot) || this.#disposed) {
      throw new ProtocolError(`A frame has the unknown flags ${flags}`);
    }
    const place = this.#memory.view(SLOTS_START + slot * SHARED_SLOT_BYTES, ANSWER_ROOM + length);
    const bytes = place.subarray(ANSWER_ROOM);
    this.#lent.add(slot);
    return new Lease(bytes, flags, () => this.#release(slot));
  }

  /** Whether so many slots wait for clients that a body is to be copied at once. */
  get crowded(): boolean {
    return this.#lent.size > MAX_LENT;
  }

  #release(slot: number): void {
    this.#lent.delete(slot);
    if (this.#disposed) return this.#unmapIfUnused();
    // This orders the store after all earlier reads of the body.
    Atomics.store(this.#counts, slot, this.#counts[slot]! + 1);
    this.#busy = true;
    this.#idle.start();
  }

  #unmapIfUnused(): void {
    if (this.#lent.size > 0) return;
    detach(this.#counts);
    this.#memory[Symbol.dispose]();
  }

  /** The worker has ended. Unmaps the memory as soon as its last body was sent. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#idle[Symbol.dispose]();
    this.#unmapIfUnused();
  }
}
