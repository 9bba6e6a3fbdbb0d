/** Waiting, with an end. */

/** Waits for `promise` to settle, but no longer than `ms`; gives whether it did. */
export async function withLimit(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), ms));
  const settled = await Promise.race([promise.then(() => true, () => true), limit]);
  clearTimeout(timer);
  return settled;
}
