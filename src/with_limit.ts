/** Waits for promises with a time limit, or until a signal. */

/** Waits until `promise` settles, but at most `ms`. @returns whether it settled */
export async function withLimit(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), ms));
  const settled = await Promise.race([promise.then(() => true, () => true), limit]);
  clearTimeout(timer);
  return settled;
}

/**
 * Waits until `promise` settles, or until the signal is aborted. What the promise stands for goes on then.
 *
 * @throws the signal's reason if it is aborted first, and whatever the promise is rejected with
 */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
