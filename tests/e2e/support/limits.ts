/** An end for waiting: far more than anything here takes, so that only what hangs is told so. */

/** In ms. */
export const LONG = 60_000;

/**
 * What `promise` resolves to.
 *
 * @throws {Error} if it does not within `ms`; `describe` tells what there is to know by then
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

/** Waits until something is so, looking again and again. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms: number = LONG,
  describe: () => string = () => "",
): Promise<void> {
  const start = performance.now();
  while (!await condition()) {
    if (performance.now() - start > ms) throw new Error(`Not within ${ms / 1000} s: ${what}\n${describe()}`);
    await sleep(10);
  }
}

/** Lets time pass, in ms. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
