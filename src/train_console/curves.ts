/**
 * The curves of a training, in memory of a fixed size.
 *
 * A curve keeps at most {@linkcode MAX_POINTS} points. When it is full, every second point is dropped, and from then on only every second
 * new point is kept, then every fourth, and so on. The points stay evenly spread over the whole run. The last point is always kept.
 */

import type { CurveUpdate, Point, ScalarValue } from "../web/train_wire.ts";

/** The most points of a curve. */
export const MAX_POINTS = 500;

/** The most curves that are kept. */
export const MAX_CURVES = 200;

/** The longest name, in characters. */
const MAX_NAME = 200;

/** A curve. */
interface Curve {
  readonly tag: string;
  readonly run: string;
  points: Point[];
  last: Point;
  /** How many points it has had, and how many of them were not finite. */
  count: number;
  notFinite: number;
  /** Every how many points one is kept. */
  stride: number;
}

/** What a reader has seen of a curve. */
interface Seen {
  stride: number;
  points: number;
  count: number;
}

/** Keeps the curves of a run. */
export class Curves {
  readonly #curves = new Map<string, Curve>();
  #refused = false;

  /** Whether there were more curves than are kept. */
  get isFull(): boolean {
    return this.#refused;
  }

  /** Adds a point to a curve. @param run distinguishes curves of one name @param t in seconds since 1970 */
  add(tag: string, run: string, step: number, value: number, t: number): void {
    const key = `${run.slice(0, MAX_NAME)}\0${tag.slice(0, MAX_NAME)}`;
    const point: Point = [step, inJson(value), Math.round(t * 1000)];
    let curve = this.#curves.get(key);
    if (curve === undefined) {
      if (this.#curves.size >= MAX_CURVES) {
        this.#refused = true;
        return;
      }
      const name = key.slice(key.indexOf("\0") + 1);
      curve = { tag: name, run: run.slice(0, MAX_NAME), points: [], last: point, count: 0, notFinite: 0, stride: 1 };
      this.#curves.set(key, curve);
    }
    if (curve.count % curve.stride === 0) curve.points.push(point);
    curve.last = point;
    curve.count++;
    if (!Number.isFinite(value)) curve.notFinite++;
    if (curve.points.length > MAX_POINTS) {
      curve.points = curve.points.filter((_, i) => i % 2 === 0);
      curve.stride *= 2;
    }
  }

  /** Makes a function that returns what has changed since its last call, a curve at a time; undefined if nothing has. */
  reader(): () => CurveUpdate | undefined {
    const seen = new Map<Curve, Seen>();
    return () => {
      for (const curve of this.#curves.values()) {
        const before = seen.get(curve);
        if (before?.count === curve.count) continue;
        const isNew = before?.stride !== curve.stride;
        const points = isNew ? curve.points : curve.points.slice(before.points);
        seen.set(curve, { stride: curve.stride, points: curve.points.length, count: curve.count });
        const { tag, run, last, count, notFinite } = curve;
        return { tag, run, isNew, points, last, count, notFinite };
      }
      return undefined;
    };
  }
}

/** JSON has no NaN and no infinity. */
function inJson(value: number): ScalarValue {
  return Number.isFinite(value) ? value : String(value) as ScalarValue;
}
