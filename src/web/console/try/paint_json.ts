/** Colours JSON with the CSS Custom Highlight API, which needs no element for each token. */

/** Texts over this length stay without colours, in characters. */
const MAX_PAINTED = 200_000;

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(\btrue\b|\bfalse\b|\bnull\b)/g;

const NAMES = ["key", "string", "number", "literal"] as const;

/** Shows a text in an element, coloured as JSON. Browsers without the API show it in one colour. */
export function paintJson(element: HTMLElement, text: string): void {
  // The text area shows an empty line after a final line break.
  element.textContent = `${text}\n`;
  const node = element.firstChild;
  if (!("highlights" in CSS) || node === null) return;
  const ranges: Record<(typeof NAMES)[number], Range[]> = { key: [], string: [], number: [], literal: [] };
  if (text.length <= MAX_PAINTED) {
    for (const match of text.matchAll(TOKEN)) {
      const [, string, colon, number] = match;
      const name = string === undefined ? number === undefined ? "literal" : "number" : colon ? "key" : "string";
      const range = new Range();
      range.setStart(node, match.index);
      range.setEnd(node, match.index + (string ?? match[0]).length);
      ranges[name].push(range);
    }
  }
  for (const name of NAMES) CSS.highlights.set(`json-${name}`, new Highlight(...ranges[name]));
}
