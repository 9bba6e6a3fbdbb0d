/** Time limits for waiting. They are far longer than anything takes in tests, so only something that hangs exceeds them. */

/** A limit for anything that should end, in ms. */
export const LONG = 60_000;

/**
 * Waits for a promise, and returns its value.
 *
 * @throws {Error} if it is pending after `ms`; the message has the text of `describe`
 */
export async function within<T>(
  ms: number,
  what: string,
  promise: Promise<T>,
  describe: () => string = () => "",
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Not within ${ms / 1000} s: ${what}\n${describe()}`)), ms);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until a condition holds. It is checked every 10 ms, and after a second every 50 ms, since it may read all of /proc. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms: number = LONG,
  describe: () => string = () => "",
): Promise<void> {
  const start = performance.now();
  while (!await condition()) {
    const waited = performance.now() - start;
    if (waited > ms) throw new Error(`Not within ${ms / 1000} s: ${what}\n${describe()}`);
    await sleep(waited < 1_000 ? 10 : 50);
  }
}

/** Waits for a number of milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
