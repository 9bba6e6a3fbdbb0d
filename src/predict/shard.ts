/** A part of a run, for several machines that share the work. */

/** Part `index` of `count` parts; `index` counts from 0. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Parses `I/N`, such as `0/4`; undefined if the text has another form. */
export function parseShard(text: string): Shard | undefined {
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  return index !== undefined && shard.index < shard.count ? shard : undefined;
}

/** Whether the item with this number, counted from 0, belongs to a shard. */
export function isIn({ index, count }: Shard, number: number): boolean {
  return number % count === index;
}

/** Returns the number, counted from 1, of the last of the first `done` items of a shard; 0 if `done` is 0. */
export function lastOf({ index, count }: Shard, done: number): number {
  return done === 0 ? 0 : (done - 1) * count + index + 1;
}
