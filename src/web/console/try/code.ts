/** Writes a request as a curl command and as programs that send the same body to the same URL. */

/** A request to write as code. */
export interface CodeRequest {
  readonly url: string;
  readonly contentType: string;
  readonly accept: string;
  /** The body, if it is text that is short enough to be written into the code. */
  readonly text: string | undefined;
  /** The name of the file to read in place of it. */
  readonly file: string;
  /** Whether a token is sent; it is read from the variable `TOKEN`. */
  readonly secured: boolean;
}

/** The languages in which a request can be written. */
export const LANGUAGES = [
  { id: "curl", title: "curl" },
  { id: "python", title: "Python" },
  { id: "javascript", title: "JavaScript" },
] as const;

/** One of the {@linkcode LANGUAGES}, by its id. */
export type Language = (typeof LANGUAGES)[number]["id"];

/** Bodies up to this length, in characters, are written into the code. */
export const MAX_INLINE = 4000;

/** Writes a request in a language. */
export function codeOf(language: Language, request: CodeRequest): string {
  switch (language) {
    case "curl":
      return curlOf(request);
    case "python":
      return pythonOf(request);
    case "javascript":
      return javascriptOf(request);
  }
}

function curlOf({ url, contentType, accept, text, file, secured }: CodeRequest): string {
  return [
    `curl ${quoteShell(url)}`,
    `-H ${quoteShell(`Content-Type: ${contentType}`)}`,
    ...(accept === "*/*" ? [] : [`-H ${quoteShell(`Accept: ${accept}`)}`]),
    ...(secured ? ['-H "Authorization: Bearer $TOKEN"'] : []),
    // curl reads a file where the value begins with @.
    text === undefined || text.startsWith("@")
      ? `--data-binary ${quoteShell(`@${file}`)}`
      : `--data-binary ${quoteShell(text)}`,
  ].join(" \\\n  ");
}

function pythonOf({ url, contentType, accept, text, file, secured }: CodeRequest): string {
  const headers = [
    ["Content-Type", quotePython(contentType)],
    ...(accept === "*/*" ? [] : [["Accept", quotePython(accept)]]),
    ...(secured ? [["Authorization", "f\"Bearer {os.environ['TOKEN']}\""]] : []),
  ];
  return [
    ...(secured ? ["import os"] : []),
    "import urllib.request",
    "",
    ...(text === undefined
      ? [`with open(${quotePython(file)}, "rb") as file:`, "    body = file.read()"]
      : [`body = ${quotePython(text)}.encode()`]),
    "request = urllib.request.Request(",
    `    ${quotePython(url)},`,
    "    body,",
    `    {${headers.map(([name, value]) => `"${name}": ${value}`).join(", ")}},`,
    ")",
    "with urllib.request.urlopen(request) as response:",
    "    print(response.read())",
  ].join("\n");
}

function javascriptOf({ url, contentType, accept, text, file, secured }: CodeRequest): string {
  return [
    ...(text === undefined ? ['import { readFile } from "node:fs/promises";', ""] : []),
    `const response = await fetch(${JSON.stringify(url)}, {`,
    '  method: "POST",',
    "  headers: {",
    `    "Content-Type": ${JSON.stringify(contentType)},`,
    ...(accept === "*/*" ? [] : [`    Accept: ${JSON.stringify(accept)},`]),
    ...(secured ? ["    Authorization: `Bearer ${process.env.TOKEN}`,"] : []),
    "  },",
    `  body: ${text === undefined ? `await readFile(${JSON.stringify(file)})` : JSON.stringify(text)},`,
    "});",
    "console.log(response.status, await response.text());",
  ].join("\n");
}

/** A word of a POSIX shell. */
function quoteShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A string of Python. JSON's escapes mean the same there. */
function quotePython(text: string): string {
  return JSON.stringify(text).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}
