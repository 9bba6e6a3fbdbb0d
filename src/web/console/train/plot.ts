/** Places curves in a drawing, and writes their numbers. */

import type { Point, ScalarValue } from "../../train_wire.ts";

/** The width of a drawing in its own units; it is stretched to the size of its place. */
export const WIDTH = 400;
/** The height of a drawing in its own units. */
export const HEIGHT = 160;

/** The part of the numbers that a drawing shows. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Returns the steps of curves. */
export function stepsOf(curves: readonly { readonly points: readonly Point[] }[]): Range {
  return rangeOf(curves.flatMap(({ points }) => points.map(([step]) => step)));
}

/** Returns the finite values of curves, with some room above and below. */
export function valuesOf(curves: readonly { readonly points: readonly Point[] }[]): Range {
  const { from, to } = rangeOf(
    curves.flatMap(({ points }) => points.flatMap(([, value]) => typeof value === "number" ? [value] : [])),
  );
  const room = to > from ? (to - from) * 0.06 : Math.abs(to) * 0.1 || 1;
  // An axis below zero says nothing about values that are never negative.
  return { from: from >= 0 ? Math.max(0, from - room) : from - room, to: to + room };
}

function rangeOf(numbers: readonly number[]): Range {
  let [from, to] = [Infinity, -Infinity];
  for (const number of numbers) {
    if (number < from) from = number;
    if (number > to) to = number;
  }
  return from <= to ? { from, to } : { from: 0, to: 0 };
}

/** Makes the path of a curve, with gaps at values that are not finite. A point without neighbours is a short line. */
export function pathOf(points: readonly Point[], steps: Range, values: Range): string {
  let path = "";
  let isDrawing = false;
  for (const [step, value] of points) {
    if (typeof value !== "number") {
      isDrawing = false;
      continue;
    }
    const x = (WIDTH * part(step, steps)).toFixed(1);
    const y = (HEIGHT - HEIGHT * part(value, values)).toFixed(1);
    path += isDrawing ? `L${x} ${y}` : `M${x} ${y}h0.01`;
    isDrawing = true;
  }
  return path;
}

/** Where a number is in a range: 0 to 1. In a range of one number, it is at its end. */
export function part(number: number, { from, to }: Range): number {
  return to > from ? (number - from) / (to - from) : 1;
}

/** Returns the point whose step is the nearest to a place in a range, 0 to 1; undefined if there are none. */
export function nearest(points: readonly Point[], place: number, { from, to }: Range): Point | undefined {
  const step = from + place * (to - from);
  let found: Point | undefined;
  for (const point of points) {
    if (found === undefined || Math.abs(point[0] - step) < Math.abs(found[0] - step)) found = point;
  }
  return found;
}

/** Writes a value with four significant digits. */
export function formatValue(value: ScalarValue): string {
  if (typeof value !== "number") return value.replace("Infinity", "∞").replace("-", "−");
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size !== 0 && (size >= 1e5 || size < 1e-3) ? value.toExponential(2) : value.toPrecision(4);
  return text.replace("-", "−").replace("e+", "e").replace("e-", "e−");
}

/** Writes a step with separators between thousands. */
export function formatStep(step: number): string {
  return Math.round(step).toLocaleString("en").replaceAll(",", " ");
}

/** Writes a duration in ms as `3:07` or `1:02:45`. */
export function formatElapsed(ms: number): string {
  const all = Math.max(0, Math.floor(ms / 1000));
  const two = (number: number) => String(number).padStart(2, "0");
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}
