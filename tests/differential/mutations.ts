/** Mutates requests at random, as an attacker would: bytes, lines, and parts of other requests. */

/** Returns a random integer from 0 to below `n`. */
type Below = (n: number) => number;

/** Pieces of text that some servers treat in a special way. */
const WORDS = [
  ...[
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "\n\n",
    " ",
    "\t",
    "\0",
    "\x0b",
    "\xa0",
    ":",
    ";",
    ",",
    "=",
    '"',
    "\\",
    "/",
    "?",
    "#",
    "%",
    "..",
    "*",
  ],
  ...[
    "0",
    "1",
    "5",
    "a",
    "f",
    "00",
    "0x",
    "-1",
    "+",
    "ffffffffffffffff",
    "0\r\n\r\n",
    "5\r\nhello\r\n",
    "1;a=b\r\nX\r\n",
    ' ;a="b"',
  ],
  ...[
    "Content-Length: 5\r\n",
    "Content-Length: 0\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Host: b\r\n",
  ],
  ...[
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Expect: 100-continue\r\n",
    "Upgrade: h2c\r\n",
    "X: y\r\n",
    "chunked",
    "identity",
  ],
  ...[
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nX",
    " HTTP/1.1\r\n",
    " HTTP/1.0\r\n",
    "http://a",
  ],
] as const;

/** Returns one of these requests with one to four changes. */
export function mutated(requests: readonly string[], random: Iterator<number>): string {
  const below: Below = (n) => Math.floor(random.next().value * n);
  const pick = <T>(all: readonly T[]) => all[below(all.length)]!;
  let text = pick(requests);
  for (let changes = 1 + below(4); changes > 0; changes--) {
    text = CHANGES[below(CHANGES.length)]!(text, below, pick, requests);
  }
  return text;
}

type Change = (text: string, below: Below, pick: <T>(all: readonly T[]) => T, requests: readonly string[]) => string;

const CHANGES: readonly Change[] = [
  // Replace a byte.
  (text, below) => {
    const at = below(text.length);
    return text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1);
  },
  // Flip a bit.
  (text, below) => {
    const at = below(text.length);
    return text.slice(0, at) + String.fromCharCode((text.charCodeAt(at) || 0) ^ (1 << below(8))) + text.slice(at + 1);
  },
  // Insert a word.
  (text, below, pick) => {
    const at = below(text.length + 1);
    return text.slice(0, at) + pick(WORDS) + text.slice(at);
  },
  // Insert or remove a line.
  (text, below, pick) => {
    const lines = text.split("\r\n");
    lines.splice(below(lines.length), below(2), pick(WORDS));
    return lines.join("\r\n");
  },
  // Remove a part.
  (text, below) => {
    const at = below(text.length);
    return text.slice(0, at) + text.slice(at + 1 + below(8));
  },
  // Repeat a part.
  (text, below) => {
    const at = below(text.length);
    const end = at + 1 + below(40);
    return text.slice(0, end) + text.slice(at);
  },
  // Replace a line end.
  (text, below, pick) => {
    const parts = text.split("\r\n");
    const at = 1 + below(Math.max(1, parts.length - 1));
    return parts.slice(0, at).join("\r\n") + pick(["\n", "\r", "\r\r\n", "\n\r", "", " \r\n", "\r\n "]) +
      parts.slice(at).join("\r\n");
  },
  // Join the beginning of one request to the end of another.
  (text, below, pick, requests) => {
    const other = pick(requests);
    return text.slice(0, below(text.length)) + other.slice(below(other.length));
  },
];
