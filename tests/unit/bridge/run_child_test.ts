import assert from "node:assert/strict";
import { runChild } from "../../../src/bridge/run_child.ts";
import { settled, until } from "../helper/deadline.ts";
import { shellPython } from "../helper/fake_python.ts";
import { TempDir } from "../helper/temp_dir.ts";

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

Deno.test("runChild() passes the input on, and returns the output and the exit status", async () => {
  using directory = new TempDir();
  const program = shellPython(directory, `echo "$1 $WORD $(cat)"; echo wrong >&2; exit 3`);
  const stdin = new TextEncoder().encode("read");
  const { exit, ...rest } = await runChild(program, { args: ["said"], env: { WORD: "word" }, stdin });
  assert.deepEqual([exit.code, exit.signal], [3, null]);
  assert.deepEqual(rest, { success: false, stdout: "said word read\n", stderr: "wrong\n" });
});

Deno.test("runChild() throws an Error when the program does not exist", async () => {
  await assert.rejects(runChild("/nowhere/program", { args: [] }), { message: /^can't be started: / });
});

for (
  const [what, options, reason] of [
    ["its signal is aborted", (signal: AbortSignal) => ({ signal }), "Enough"],
    ["it takes too long", () => ({ limitMs: 300 }), "did not end within 0.3 s"],
  ] as const
) {
  Deno.test(`runChild() ends a program that ignores SIGTERM, and its children, when ${what}`, async () => {
    using directory = new TempDir();
    const program = shellPython(
      directory,
      `trap '' TERM; setsid sleep 60 & echo $! > '${directory.path}/new'; mv '${directory.path}/new' '${directory.path}/child'
       while :; do sleep 1; done`,
    );
    const aborter = new AbortController();
    const running = runChild(program, { args: [], ...options(aborter.signal) });
    running.catch(() => {});
    await until(() => directory.list().includes("child"), "it runs");
    const child = Number(Deno.readTextFileSync(`${directory.path}/child`));
    aborter.abort(new Error("Enough"));
    await settled(assert.rejects(running, { message: reason }), "it to end");
    await until(() => !isAlive(child), "its child is gone");
  });
}

Deno.test("runChild() does not wait for a process that keeps the program's output open", async () => {
  using directory = new TempDir();
  const program = shellPython(directory, `setsid sleep 60 & echo $!`);
  const { success, stdout } = await settled(runChild(program, { args: [] }), "its end");
  assert.equal(success, true);
  const pid = Number(stdout);
  assert.ok(isAlive(pid));
  Deno.kill(pid, "SIGKILL");
});

Deno.test("runChild() sends no signal when it is aborted after the program has ended", async () => {
  using directory = new TempDir();
  const aborter = new AbortController();
  await runChild(shellPython(directory, "exit 0"), { args: [], signal: aborter.signal });
  const sent: number[] = [];
  const { kill } = Deno;
  Deno.kill = (pid) => void sent.push(pid);
  try {
    aborter.abort();
    await Promise.resolve();
  } finally {
    Deno.kill = kill;
  }
  assert.deepEqual(sent, []);
});
