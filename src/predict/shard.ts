/** A part of a run, for several machines that share the work. */

/** Which part of how many: `index` counts from 0. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Reads `I/N`, such as `0/4`; undefined if it is not that. */
export function parseShard(text: string): Shard | undefined {
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  return index !== undefined && shard.index < shard.count ? shard : undefined;
}

/** Whether the thing with this number, counted from 0, belongs to a shard. */
export function isIn({ index, count }: Shard, number: number): boolean {
  return number % count === index;
}

/** The number, counted from 1, of the last of `done` things that belong to a shard; 0 if there are none. */
export function lastOf({ index, count }: Shard, done: number): number {
  return done === 0 ? 0 : (done - 1) * count + index + 1;
}
