/** Makes a small picture of a drawing, as data sets of handwriting have them: cut out, centred, and scaled to fill the picture. */

import { type Stroke, trace } from "./canvas.tsx";

/** Each pixel is the mean of a square of this many finer ones. */
const FINE = 8;

/** The width of a line in pixels of the result: thin enough for the smallest pictures, and about what scanned handwriting has in large ones. */
const lineWidth = (side: number) => 0.9 + 0.06 * side;

/** A drawing smaller than this part of the square is a dot, which is not enlarged further. */
const LEAST = 0.15;

/**
 * Returns the pixels of a drawing, row by row.
 *
 * @param side the width and the height of the picture, in pixels
 * @param range the values of background and ink. Values are whole numbers if ink is more than 2
 */
export function pixelsOf(
  strokes: readonly Stroke[],
  side: number,
  [background, ink]: readonly [number, number],
): number[] {
  const points = strokes.flat();
  if (points.length === 0) return Array(side * side).fill(background);
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [left, right, top, bottom] = [xs.reduce(least), xs.reduce(most), ys.reduce(least), ys.reduce(most)];
  const width = lineWidth(side);
  const scale = (side - width) / Math.max(right - left, bottom - top, LEAST);
  const place = ([x, y]: readonly [number, number]) => [
    (x - (left + right) / 2) * scale + side / 2,
    (y - (top + bottom) / 2) * scale + side / 2,
  ];
  const context = new OffscreenCanvas(side * FINE, side * FINE).getContext("2d", { willReadFrequently: true })!;
  context.scale(FINE, FINE);
  context.lineWidth = width;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) trace(context, stroke.map(place));
  const { data } = context.getImageData(0, 0, side * FINE, side * FINE);
  return Array.from({ length: side * side }, (_, index) => {
    const value = background + (ink - background) * coverage(data, index % side, Math.floor(index / side), side);
    return Math.abs(ink - background) > 2 ? Math.round(value) : Math.round(value * 1000) / 1000;
  });
}

/** How much of a pixel is ink, from 0 to 1. */
function coverage(data: Uint8ClampedArray, column: number, row: number, side: number): number {
  let sum = 0;
  for (let y = 0; y < FINE; y++) {
    for (let x = 0; x < FINE; x++) {
      // The alpha of a pixel is its fourth byte.
      sum += data[((row * FINE + y) * side * FINE + column * FINE + x) * 4 + 3]!;
    }
  }
  return sum / (FINE * FINE * 255);
}

const least = (a: number, b: number) => Math.min(a, b);
const most = (a: number, b: number) => Math.max(a, b);
