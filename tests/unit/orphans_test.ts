import assert from "node:assert/strict";
import { leaveToDeno, reapOrphans } from "../../src/orphans.ts";
import { until } from "./helper/deadline.ts";

/** prctl(2) */
const PR_SET_CHILD_SUBREAPER = 36;

/** Makes orphans of this process's children its own children, as for process 1. */
function becomeSubreaper(on: boolean): void {
  const libc = Deno.dlopen("libc.so.6", {
    prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  });
  assert.equal(libc.symbols.prctl(PR_SET_CHILD_SUBREAPER, on ? 1n : 0n, 0n, 0n, 0n), 0);
  libc.close();
}

/** Returns the state of a process from /proc; undefined if it does not exist. */
function stateOf(pid: number): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ").at(-1)![0];
  } catch {
    return undefined;
  }
}

/** Starts a shell. */
function shell(script: string): Deno.ChildProcess {
  const child = new Deno.Command("sh", { args: ["-c", script], stdout: "piped", stderr: "null" }).spawn();
  leaveToDeno(child);
  return child;
}

Deno.test("reapOrphans() reaps orphans, but not Deno's own children", async () => {
  becomeSubreaper(true);
  try {
    using _ = reapOrphans();
    const codes: Promise<number>[] = [];
    const orphans: number[] = [];
    for (let i = 0; i < 20; i++) {
      // The shell ends before its child, which becomes an orphan and ends at the same time as the next shell.
      const child = shell("sleep 0.05 >/dev/null & echo $!; exit 7");
      codes.push(child.status.then(({ code }) => code));
      orphans.push(Number(await new Response(child.stdout).text()));
    }
    assert.deepEqual(await Promise.all(codes), Array(20).fill(7));
    await until(() => orphans.every((pid) => stateOf(pid) === undefined), "no orphan is left");
  } finally {
    becomeSubreaper(false);
  }
});
