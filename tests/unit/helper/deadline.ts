/** Time limits for tests of code that must not hang. */

/** The time limit in ms: far more than any test needs, to report only code that hangs. */
const LIMIT_MS = 30_000;

/**
 * Waits for `promise`, and returns what it resolves to.
 *
 * @throws {Error} if it is still pending after `limitMs`; the message names `what`
 */
export async function settled<T>(promise: Promise<T>, what: string, limitMs: number = LIMIT_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Still waiting for ${what}`)), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits, in turns of the event loop, until a condition holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > LIMIT_MS) throw new Error(`Still waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
