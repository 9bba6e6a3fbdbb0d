/**
 * Reads the text of a `requirements.txt` as pip does: its encoding, its logical lines, and what each line names.
 * https://pip.pypa.io/en/stable/reference/requirements-file-format/
 */

/** What a line of a requirements file names. */
export type Named =
  /** Packages of a registry, a URL, or an option: the text of the line identifies it. */
  | { readonly kind: "text" }
  /** Another requirements file, or a constraints file. */
  | { readonly kind: "nested"; readonly path: string }
  /** A file or a folder, as the line has it. */
  | { readonly kind: "path"; readonly path: string }
  /** A line that this program does not understand. */
  | { readonly kind: "unknown" };

const decoders = {
  "utf-8": [0xef, 0xbb, 0xbf],
  // Must precede UTF-16, whose mark starts with the same bytes.
  "utf-32le": [0xff, 0xfe, 0, 0],
  "utf-32be": [0, 0, 0xfe, 0xff],
  "utf-16le": [0xff, 0xfe],
  "utf-16be": [0xfe, 0xff],
} as const;

/** Decodes a requirements file: by its byte order mark, by a coding line in its first two lines, or as UTF-8. */
export function decodeRequirements(bytes: Uint8Array): string {
  for (const [name, mark] of Object.entries(decoders)) {
    if (!mark.every((byte, i) => bytes[i] === byte)) continue;
    const rest = bytes.subarray(mark.length);
    return name.startsWith("utf-32") ? decodeUtf32(rest, name === "utf-32le") : new TextDecoder(name).decode(rest);
  }
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 1024)).split("\n", 2);
  for (const line of head) {
    const coding = /^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)/.exec(line)?.[1];
    if (coding === undefined) continue;
    try {
      return new TextDecoder(labelOf(coding)).decode(bytes);
    } catch {
      // The installer reports the unknown encoding.
    }
  }
  return new TextDecoder().decode(bytes);
}

/** The Encoding Standard's label of a Python encoding. */
function labelOf(coding: string): string {
  return coding.toLowerCase().replaceAll("_", "-").replace(/^latin-(?=\d)/, "latin").replace(
    /^cp(?=125\d$)/,
    "windows-",
  );
}

function decodeUtf32(bytes: Uint8Array, littleEndian: boolean): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = "";
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const point = view.getUint32(at, littleEndian);
    text += point > 0x10ffff ? "\ufffd" : String.fromCodePoint(point);
  }
  return text;
}

/** The logical lines: joined at backslashes, without comments and empty lines, with `${VARIABLES}` unexpanded. */
export function writtenLines(text: string): string[] {
  const lines: string[] = [];
  let open = "";
  for (const line of physicalLines(text)) {
    // A comment ends a joined line without belonging to it.
    const isComment = /^\s*#/.test(line);
    if (!isComment && line.endsWith("\\")) {
      open += line.slice(0, -1);
      continue;
    }
    lines.push(isComment ? `${open} ${line}` : open + line);
    open = "";
  }
  if (open !== "") lines.push(open);
  return lines.map((line) => line.replace(/(^|\s+)#.*$/, "").trim()).filter((line) => line !== "");
}

/** The logical lines with `${VARIABLES}` replaced by their values. */
export function logicalLines(text: string, env: (name: string) => string | undefined): string[] {
  return writtenLines(text)
    .map((line) => line.replace(/\$\{([A-Z0-9_]+)\}/g, (written, name) => env(name) || written));
}

/** The lines as an editor numbers them; the first element is line 1. */
export function physicalLines(text: string): string[] {
  // deno-lint-ignore no-control-regex -- pip splits lines as Python's str.splitlines() does
  return text.split(/\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/);
}

/** A name with extras, and versions or a URL; a marker may follow. */
const REQUIREMENT =
  /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\s*(?:\[[^\]]*\])?\s*(?:@\s*(?<address>\S+)|\(?\s*(?:(?:===|==|~=|!=|<=|>=|<|>)\s*[^\s,;()]+\s*,?\s*)*\)?)\s*(?:;.*)?$/;
const ARCHIVE = /\.(?:whl|zip|tar|tgz|tbz|txz|tlz|tar\.(?:gz|bz2|xz|lz|lzma))$/i;
const NESTED = /^(?:-[rc]|--requirement|--constraint)(?:[\s=]+|(?<=^-[rc]))(?<path>.+)$/;
const EDITABLE = /^(?:-e|--editable)[\s=]*(?<path>.+)$/;
const FIND_LINKS = /^(?:-f|--find-links)[\s=]*(?<path>.+)$/;
const INDEX = /^(?:-i|--index-url|--pypi-url|--extra-index-url)[\s=]*(?<path>.+)$/;
const PLAIN_OPTION =
  /^--(?:no-index|pre|prefer-binary|require-hashes|no-binary|only-binary|trusted-host|use-feature)(?:[\s=].*)?$/;

/** Parses what a logical line names. */
export function namedBy(line: string): Named {
  const nested = NESTED.exec(line)?.groups?.path;
  if (nested !== undefined) return isRemote(nested) ? { kind: "text" } : { kind: "nested", path: unquote(nested) };
  const editable = EDITABLE.exec(line)?.groups?.path;
  if (editable !== undefined) return placeOf(editable);
  const links = FIND_LINKS.exec(line)?.groups?.path;
  // A page of links may refer to other files.
  if (links !== undefined) return /\.html?$/i.test(links) && !isRemote(links) ? { kind: "unknown" } : placeOf(links);
  const index = INDEX.exec(line)?.groups?.path;
  if (index !== undefined) return isRemote(index) ? { kind: "text" } : { kind: "unknown" };
  if (PLAIN_OPTION.test(line)) return { kind: "text" };
  if (line.startsWith("-")) return { kind: "unknown" };
  const bare = line.replace(/\s+--(?:hash|config-settings?|global-option)[\s=]\S*/g, "").trim();
  if (isRemote(bare)) return { kind: "text" };
  const word = bare.split(/\s*;|\s/, 1)[0]!;
  if (ARCHIVE.test(word) || /^(?:\.|~|\/|file:)/.test(word) || (word.includes("/") && !bare.includes("@"))) {
    return placeOf(word);
  }
  const match = REQUIREMENT.exec(bare);
  if (match === null) return { kind: "unknown" };
  const address = match.groups!.address;
  return address === undefined ? { kind: "text" } : placeOf(address);
}

/** Parses a path, a `file:` URL, or a URL on the network. */
function placeOf(written: string): Named {
  const text = unquote(written);
  if (isRemote(text)) return { kind: "text" };
  // `./folder[extra]`
  const path = text.replace(/\[[^\]]*\]$/, "").replace(/\s*;.*$/, "");
  if (!path.startsWith("file:")) return /^[a-z+]+:/i.test(path) ? { kind: "unknown" } : { kind: "path", path };
  try {
    return { kind: "path", path: decodeURIComponent(new URL(path).pathname) };
  } catch {
    return { kind: "unknown" };
  }
}

function isRemote(text: string): boolean {
  return /^(?:(?:git|hg|svn|bzr)\+)?(?:https?|ssh|git|ftp|svn):\/\//i.test(text) || /^git\+[\w.-]+@/i.test(text);
}

function unquote(text: string): string {
  const trimmed = text.trim();
  return /^(["']).*\1$/.test(trimmed) ? trimmed.slice(1, -1) : trimmed;
}
