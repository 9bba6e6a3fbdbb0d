/** Compiles the staged files into an executable, and sets its permissions and engine options. */

import { runOrThrow } from "./process.ts";
import { STAGED } from "./stage.ts";
import type { Target } from "./targets.ts";

/**
 * All: while a single one is withheld, Deno opens nothing below `/dev`, `/proc` and `/sys`, where a `TMPDIR=/dev/shm` or a
 * `--token-file /dev/fd/3` are, and looks up every folder of a path twice at each open, which is half of the time that
 * thousands of small files take.
 */
const PERMISSIONS = ["--allow-all", "--no-prompt"];

/** Options of the engine, such as `--max-semi-space-size=64`. */
const V8_FLAGS: readonly string[] = [
  // Bodies of requests and answers are memory outside of V8's heap. By default 64 MiB of it set off a full collection, so that
  // a server of 1 MiB bodies spent a fifth of its time in them, in pauses of up to 40 ms; so they grow with the heap's limit.
  "--external-memory-accounted-in-global-limit",
  // And that limit begins here, in MiB, rather than at a few. From there it grows by half of what lives at a time: by default
  // it is let grow several times over, to memory that a server would hold for good and that has no use.
  "--initial-old-space-size=16",
  "--heap-growing-percent=50",
  // What a request leaves behind is dead by the next collection of the young, at any size of theirs: three times 4 MiB at
  // most, rather than of 16, keeps those pauses short, and what is written next to in the processor's caches.
  "--max-semi-space-size=4",
  // Objects that lived long at first, while code was not yet compiled, would be made among the old from then on. There they keep
  // alive what they refer to, all that belongs to a request, until a full collection: each collection of the young took 9 ms
  // instead of 1.
  "--no-allocation-site-pretenuring",
];

/**
 * Makes the executable.
 *
 * @param folder what was put together
 * @param denort the path of the base runtime
 * @param output where the executable is written to
 * @throws {Error} with what Deno said, if that fails
 */
export async function compile(folder: string, target: Target, denort: string, output: string): Promise<void> {
  await runOrThrow(`make an executable for ${target.name}`, Deno.execPath(), [
    "compile",
    "--quiet",
    "--no-check",
    // It would lie under a name that anyone can guess in a directory that anyone can write to.
    "--no-code-cache",
    // `request.signal` is to fire when a client left, not after each answer.
    "--unstable-no-legacy-abort",
    // Two listeners share a port while a certificate is renewed.
    "--unstable-net",
    ...PERMISSIONS,
    ...(V8_FLAGS.length > 0 ? [`--v8-flags=${V8_FLAGS.join(",")}`] : []),
    "--include",
    STAGED.python,
    "--include",
    STAGED.threads,
    "--include",
    STAGED.console,
    "--target",
    target.name,
    "--output",
    output,
    STAGED.main,
  ], { cwd: folder, env: { DENORT_BIN: denort } });
}
