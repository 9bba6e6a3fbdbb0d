/** Keys for the rows of lists that grow at the end and lose rows at the start. With an index as its key, every row would change then. */

const keys = new WeakMap<object, number>();
let last = 0;

/** The key of an item: always the same for one object. */
export function keyOf(item: object): number {
  let key = keys.get(item);
  if (key === undefined) keys.set(item, key = ++last);
  return key;
}
