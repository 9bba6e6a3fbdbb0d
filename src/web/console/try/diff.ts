/** Finds the lines that differ between two texts, by their longest common subsequence. */

/** A line of one text or of both. */
export interface Line {
  readonly kind: "before" | "after" | "both";
  readonly text: string;
}

/** Texts of more lines are compared line for line at the same place, since the table grows with the product of their lengths. */
const MAX_LINES = 1500;

/** Returns the lines of both texts in an order in which equal ones coincide. */
export function diffLines(before: string, after: string): Line[] {
  const [a, b] = [before.split("\n"), after.split("\n")];
  if (a.length > MAX_LINES || b.length > MAX_LINES) return inPlace(a, b);
  const lengths = commonLengths(a, b);
  const width = b.length + 1;
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: "both", text: a[i]! });
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!)) {
      lines.push({ kind: "before", text: a[i++]! });
    } else {
      lines.push({ kind: "after", text: b[j++]! });
    }
  }
  return lines;
}

/** For each pair of suffixes of the two texts, the length of their longest common subsequence. */
function commonLengths(a: readonly string[], b: readonly string[]): Uint16Array {
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i * width + j] = a[i] === b[j]
        ? lengths[(i + 1) * width + j + 1]! + 1
        : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
    }
  }
  return lengths;
}

function inPlace(a: readonly string[], b: readonly string[]): Line[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, index) => index).flatMap((index): Line[] => {
    if (a[index] === b[index]) return [{ kind: "both", text: a[index]! }];
    return [
      ...(index < a.length ? [{ kind: "before", text: a[index]! } as const] : []),
      ...(index < b.length ? [{ kind: "after", text: b[index]! } as const] : []),
    ];
  });
}
