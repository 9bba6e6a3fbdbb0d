/** Finds out whether the kernel killed a process because memory ran out. */

import { oomKills } from "../control_group.ts";

/** How many of the kernel's out-of-memory kills were already attributed to our children. */
let claimed = 0;

/** Compares the kernel's count of out-of-memory kills with the count when a process was started. */
export class OomEvidence {
  readonly #count: () => number | undefined;
  readonly #before: number | undefined;

  /** @param count reads how many processes the kernel has killed because memory ran out */
  constructor(count: () => number | undefined = oomKills) {
    this.#count = count;
    this.#before = count();
  }

  /** Whether the kernel has killed a process since then that was not claimed yet. The call claims one kill. */
  claim(): boolean {
    const now = this.#count();
    if (now === undefined || this.#before === undefined) return false;
    const known = Math.max(this.#before, claimed);
    if (now <= known) return false;
    claimed = known + 1;
    return true;
  }
}
