/** Reads the body of a SCALARS frame (`docs/protocol.md`). */

/** A point of a curve. */
export interface Scalar {
  readonly name: string;
  readonly step: number;
  readonly value: number;
  /** In seconds since 1970. */
  readonly time: number;
}

const NUMBERS: Readonly<Record<string, number>> = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };

/** Returns the points, without anything malformed: the script can write to the connection as well. */
export function parseScalars(body: Uint8Array): Scalar[] {
  let points: unknown;
  try {
    points = JSON.parse(new TextDecoder().decode(body));
  } catch {
    return [];
  }
  if (!Array.isArray(points)) return [];
  return points.flatMap((point): Scalar[] => {
    if (!Array.isArray(point)) return [];
    const [name, step, given, time] = point;
    const value = typeof given === "string" ? NUMBERS[given] : given;
    if (typeof name !== "string" || typeof value !== "number") return [];
    return Number.isFinite(step) && Number.isFinite(time) ? [{ name, step, value, time }] : [];
  });
}
