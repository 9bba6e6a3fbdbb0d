/** Draws a terminal with commands and output from README.md, which `tests/e2e/docs_commands_test.ts` compares with the real output. */

const FONT_SIZE = 14;
/** The width of a monospaced character, in px: in most fonts 0.6 of the font size. */
const ADVANCE = 0.6 * FONT_SIZE;
const LINE_HEIGHT = 20;
const PADDING = 16;
/** The longest line, in characters. */
const COLUMNS = 116;

/**
 * Draws the first `console` blocks of a section of a page as SVG. It omits lines of `…`.
 *
 * @param page Markdown; @param heading of the section, such as `Begin`; @param count of blocks
 * @throws {RangeError} if the section has no such block
 */
export function pictureOf(page: string, heading: string, count: number): string {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
  const blocks = [...section.matchAll(/^```console\n(.*?)^```$/gms)].map(([, text]) => text!);
  const lines = blocks.slice(0, count).join("").split("\n").filter((line) => line !== "" && line !== "…").flatMap(
    wrapped,
  );
  if (lines.length === 0) throw new RangeError(`The section '${heading}' shows no commands`);
  const width = Math.ceil(COLUMNS * ADVANCE + 2 * PADDING);
  const height = lines.length * LINE_HEIGHT + 2 * PADDING;
  const texts = lines.map((line, i) => {
    const y = PADDING + (i + 0.75) * LINE_HEIGHT;
    const prompt = line.startsWith("$ ") ? `<tspan fill="#7ee787">$</tspan> ` : "";
    return `<text x="${PADDING}" y="${y}" xml:space="preserve">${prompt}${
      escaped(prompt ? line.slice(2) : line)
    }</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<rect width="${width}" height="${height}" rx="8" fill="#161b22"/>
<g fill="#e6edf3" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="${FONT_SIZE}">
${texts.join("\n")}
</g>
</svg>
`;
}

/** Splits a line into pieces that fit into the picture. */
function wrapped(line: string): string[] {
  return line.match(new RegExp(`.{1,${COLUMNS}}`, "gu")) ?? [];
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
