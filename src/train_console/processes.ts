/** The processes of a training: the worker, and all that descend from it. */

import { ProcessUsages } from "../recent/process_usage.ts";
import type { Usage } from "../web/train_wire.ts";

/** The most processes that are looked at, and that are counted. */
const MAX_LOOKED_AT = 20_000;
const MAX_COUNTED = 2_000;

/** Reads what a process and its descendants use, again and again. */
export class ProcessTree {
  readonly #usages = new ProcessUsages();

  /** Reads it now. The processor time is that since the call before. */
  read(root: number): Pick<Usage, "processes" | "cpu" | "memory"> {
    const usages = [...this.#usages.read(treeOf(root)).values()].filter(({ memory }) => memory !== undefined);
    const known = usages.filter(({ cpu }) => cpu !== undefined);
    return {
      processes: usages.length,
      memory: usages.reduce((sum, { memory = 0 }) => sum + memory, 0),
      ...(known.length > 0 && { cpu: known.reduce((sum, { cpu = 0 }) => sum + cpu, 0) }),
    };
  }
}

/** Ids of a process and its descendants. */
function treeOf(root: number): number[] {
  const children = new Map<number, number[]>();
  let looked = 0;
  for (const { name } of Deno.readDirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    if (++looked > MAX_LOOKED_AT) break;
    const parent = parentOf(pid);
    if (parent === undefined) continue;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [pid]);
    else siblings.push(pid);
  }
  const tree = [root];
  for (let i = 0; i < tree.length && tree.length < MAX_COUNTED; i++) tree.push(...children.get(tree[i]!) ?? []);
  return tree;
}

/** The parent of a process, the fourth field of its `stat`; undefined if it has ended. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ", 2)[1]);
  } catch {
    return undefined;
  }
}
