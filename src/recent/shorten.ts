/** Shortens texts that are kept: what scripts print and raise has any length. */

/** The longest text that is kept, in characters. */
export const MAX_TEXT = 8 * 1024;

/** Shortens a text at one end: the end of a traceback says the most. */
export function shortened(text: string, cut: "start" | "end" = "end"): string {
  if (text.length <= MAX_TEXT) return text;
  const part = cut === "end" ? `${text.slice(0, MAX_TEXT)}…` : `…${text.slice(-MAX_TEXT)}`;
  // A copy: a part of a string keeps the whole string in memory.
  return new TextDecoder().decode(new TextEncoder().encode(part));
}
