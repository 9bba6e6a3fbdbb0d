/**
 * Makes the standard streams block. Another process that has the same pipe or terminal, such as ssh in the background, may have made it
 * non-blocking. A write to a full pipe then fails after an unknown part of its bytes, and a read from an empty one fails as well. The
 * scripts that inherit these streams are no better prepared for that.
 */

/** Of fcntl(2), the same on x86-64 and arm64. */
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

/** Makes standard input, output and error block, as every program that is started with them expects. */
export function makeStreamsBlock(): void {
  for (const fd of [0, 1, 2]) if (isNonBlocking(fd)) makeBlock(fd);
}

/** Looks into /proc: the C library is opened only if it is needed. */
function isNonBlocking(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`))?.[1] ?? "0";
    return (parseInt(flags, 8) & O_NONBLOCK) !== 0;
  } catch {
    return false;
  }
}

function makeBlock(fd: number): void {
  let library: Deno.DynamicLibrary<{ fcntl: { parameters: ["i32", "i32", "i32"]; result: "i32" } }>;
  try {
    library = Deno.dlopen("libc.so.6", { fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" } });
  } catch {
    // Without glibc, the stream stays as it is.
    return;
  }
  const { fcntl } = library.symbols;
  const flags = fcntl(fd, F_GETFL, 0);
  if (flags >= 0) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  library.close();
}
