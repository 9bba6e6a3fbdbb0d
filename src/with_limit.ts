/** Waits for promises with a time limit. */

/** Waits until `promise` settles, but at most `ms`. @returns whether it settled */
export async function withLimit(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), ms));
  const settled = await Promise.race([promise.then(() => true, () => true), limit]);
  clearTimeout(timer);
  return settled;
}
