/** The time of day with microseconds, for spans: those of a script have them as well, and must lie within ours. */

/** `Date.now()` less `performance.now()`, in ms. The former is rounded down, so the greatest difference seen is the most exact. */
let offset = -Infinity;

/** The system's clock was set if the offset differs by more than rounding explains, in ms. */
const MAX_ROUNDING = 2;

/** Milliseconds since 1970, with fractions. */
export function preciseNow(): number {
  const now = performance.now();
  const seen = Date.now() - now;
  if (seen > offset || seen < offset - MAX_ROUNDING) offset = seen;
  return offset + now;
}
