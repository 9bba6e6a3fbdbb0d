/** A control group with a memory limit (cgroups(7), version 2 or 1), for tests of what the system does at the limit. */

import { until } from "./limits.ts";
import type { Need } from "./needs.ts";
import type { Sandbox } from "./sandbox.ts";

/** The folder of groups, and the name of the file with their limit. */
const PLACES = [
  { root: "/sys/fs/cgroup", limit: "memory.max" },
  { root: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes" },
] as const;

/** A group that exists until this object is disposed. */
export class ControlGroup implements Disposable, AsyncDisposable {
  readonly folder: string;

  /** @throws {Error} if the group can't be made */
  constructor(bytes: number) {
    const name = `aimodellib-test-${crypto.randomUUID()}`;
    for (const { root, limit } of PLACES) {
      try {
        Deno.mkdirSync(`${root}/${name}`);
        try {
          Deno.statSync(`${root}/${name}/${limit}`);
          Deno.writeTextFileSync(`${root}/${name}/${limit}`, String(bytes));
          this.folder = `${root}/${name}`;
          return;
        } catch {
          Deno.removeSync(`${root}/${name}`);
        }
      } catch {
        // Try the next place.
      }
    }
    throw new Error("Memory can't be limited by a control group here");
  }

  /** Writes a program that runs a command in this group, and returns its path. */
  programOf(box: Sandbox, command: string): string {
    const path = box.path("in-group");
    Deno.writeTextFileSync(path, `#!/bin/sh\necho $$ >'${this.folder}/cgroup.procs' && exec '${command}' "$@"\n`);
    Deno.chmodSync(path, 0o755);
    return path;
  }

  /** Removes a group that never had a process. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.folder);
  }

  /** Removes the group when its last process has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await until("the control group is empty", () => Deno.readTextFileSync(`${this.folder}/cgroup.procs`) === "");
    this[Symbol.dispose]();
  }
}

/** Permission to create a control group. */
export const CAN_LIMIT_MEMORY: Need = (() => {
  try {
    using _ = new ControlGroup(2 ** 30);
    return true;
  } catch {
    return "memory can't be limited by a control group here";
  }
})();
