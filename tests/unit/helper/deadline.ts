/** An end for tests of things that must not wait for ever. */

/** Far more than anything here takes, in ms, so that only what hangs is told so. */
const LIMIT_MS = 30_000;

/**
 * What `promise` resolves to.
 *
 * @throws {Error} if it is still pending after `limitMs`, when nothing can be on its way any more
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

/** Waits, in turns of the event loop, until something is so. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > LIMIT_MS) throw new Error(`Still waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
