/** Compiles the staged files into an executable, and sets its permissions and engine options. */

import { runOrThrow } from "./process.ts";
import { STAGED } from "./stage.ts";
import type { Target } from "./targets.ts";

/**
 * All permissions. Without a single one, Deno can't open files below `/dev`, `/proc` and `/sys`, such as a `TMPDIR` in `/dev/shm` or a
 * token file in `/dev/fd/3`. It would also resolve every folder of a path twice at each open, which takes half of the time for
 * thousands of small files.
 */
const PERMISSIONS = ["--allow-all", "--no-prompt"];

/** Flags for V8. */
const V8_FLAGS: readonly string[] = [
  // Bodies of requests and answers are outside of V8's heap. By default, 64 MiB of them trigger a full collection: a server of
  // 1 MiB bodies spent a fifth of its time in collections, with pauses of up to 40 ms. This flag makes the threshold follow the heap limit.
  "--external-memory-accounted-in-global-limit",
  // The heap limit starts at 16 MiB instead of a few, and then exceeds the live objects by half. By default, V8 lets it grow to
  // several times their size, and a server would keep memory that it does not need.
  "--initial-old-space-size=16",
  "--heap-growing-percent=50",
  // A request's objects are dead by the next collection of the young generation, whatever its size. At most three times 4 MiB,
  // instead of 16, keep these pauses short, and new objects in the processor's caches.
  "--max-semi-space-size=4",
  // If objects live long before their code is compiled, V8 allocates all later ones in the old generation. There they keep a
  // request's other objects alive until a full collection: each collection of the young generation took 9 ms instead of 1.
  "--no-allocation-site-pretenuring",
];

/**
 * Compiles the executable.
 *
 * @param folder the folder that `stage()` has filled
 * @param denort the path of the base runtime
 * @param output the path of the executable
 * @throws {Error} with Deno's output, if it fails
 */
export async function compile(folder: string, target: Target, denort: string, output: string): Promise<void> {
  await runOrThrow(`make an executable for ${target.name}`, Deno.execPath(), [
    "compile",
    "--quiet",
    "--no-check",
    // The code cache would have a predictable name in a directory that every user can write to.
    "--no-code-cache",
    // With the legacy behaviour, `request.signal` fires after every answer, not only when a client has disconnected.
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
