/** The layout of shared memory: its slots, and the flags that name them. `_bridge/memory.py` has the same numbers. */

/** Flags with this bit refer to shared memory; the other bits are the slot. */
export const SHARED = 0x80;

/** Bytes between the beginnings of two slots: the longest body that fits. */
export const SHARED_SLOT_BYTES = 16 * 2 ** 20;

/** The number of slots for the bodies of requests, which all workers read. */
export const REQUEST_SLOTS = 32;

/** The number of slots for the bodies of one worker's answers. */
export const ANSWER_SLOTS = 16;

/** Where the slots for answers begin in a worker's memory, in bytes. */
export const SLOTS_START = 64 * 1024;

/** Memory is given back in multiples of this, in bytes: no supported machine has larger pages. */
export const GIVE_BACK_STEP = 64 * 1024;

/** How much longer the last body of a slot may have been than the next one, in bytes. If it was longer, the rest is given back. */
export const MAX_EXCESS = 2 ** 20;

/** Free bytes before each body of an answer, into which the supervisor writes what it sends before that body. */
export const ANSWER_ROOM = 4096;

/** The place of a body in shared memory. */
export interface SharedBody {
  /** The frame's flags: {@linkcode SHARED} and the slot. */
  readonly flags: number;
  /** In bytes. */
  readonly length: number;
}
