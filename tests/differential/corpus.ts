/**
 * Requests that HTTP servers read in different ways, collected from known attacks: request smuggling, and bypassing the rules of proxies. Text is
 * Latin-1: each character is a byte.
 */

/** A case: the bytes to send, and the expected result. */
export interface Case {
  readonly name: string;
  /** Everything that the client sends before it half-closes the connection. */
  readonly sent: string;
  /** How many requests are accepted, including the marker if the connection stays open. */
  readonly taken: number;
  /** The status of the refusal after these requests; undefined if nothing is refused. */
  readonly refused: number | undefined;
}

/** A request that follows the others. It reveals a server that reads a part of a body as a request, or a part of this request as a body. */
export const MARKER = "POST /invocations HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 6\r\n\r\nMARKER";

const HOST = "Host: a\r\n";
const LINE = "POST /invocations HTTP/1.1\r\n";
const CHUNKS = "5\r\nhello\r\n0\r\n\r\n";

const cases: Case[] = [];

/** The request is accepted, and so is the marker. */
function good(name: string, sent: string): void {
  cases.push({ name, sent: sent + MARKER, taken: 2, refused: undefined });
}

/** The request is accepted, and the connection is closed. */
function last(name: string, sent: string): void {
  cases.push({ name, sent: sent + MARKER, taken: 1, refused: undefined });
}

/** The request is refused, and nothing after it is read. */
function bad(name: string, sent: string, status = 400, taken = 0): void {
  cases.push({ name, sent: sent + MARKER, taken, refused: status });
}

/** Makes a request with these headers after its Host, and this body. */
const post = (headers: string, body = "hello") => `${LINE}${HOST}${headers}\r\n${body}`;
const chunked = (body: string) => post("Transfer-Encoding: chunked\r\n", body);
/** Makes a request with another request line, or other headers for Host. */
const line = (first: string) => `${first}\r\n${HOST}Content-Length: 5\r\n\r\nhello`;
const host = (headers: string) => `${LINE}${headers}Content-Length: 5\r\n\r\nhello`;

/** Formats text for the name of a case. */
const quoted = (text: string) => JSON.stringify(text.length > 30 ? `${text.slice(0, 30)}… (${text.length})` : text);

/** Characters that some programs treat as spaces or line ends, or ignore. */
const CONTROLS = ["\0", "\x01", "\x08", "\x0b", "\x0c", "\x1b", "\x1f", "\x7f"];
const NEAR_SPACES = [...CONTROLS, "\x85", "\xa0", "\xad", "\xff"];

// Ordinary requests.
good("a length", post("Content-Length: 5\r\n"));
good("chunks", chunked(CHUNKS));
good("no body", post("", ""));
cases.push({
  name: "ten at once",
  sent: post("Content-Length: 5\r\n").repeat(9) + MARKER,
  taken: 10,
  refused: undefined,
});

// Content-Length: numbers in some programming language that are not 1*DIGIT.
for (const value of ["5", "05", "005", `${"0".repeat(40)}5`, " 5", "\t5\t", "5 ", "   5   "]) {
  good(`Content-Length ${quoted(value)}`, post(`Content-Length:${value}\r\n`));
}
for (const value of ["0", "00", "000"]) {
  good(`Content-Length ${quoted(value)}`, post(`Content-Length: ${value}\r\n`, ""));
}
for (
  const value of [
    ...[
      "+5",
      "-5",
      "0x5",
      "0b101",
      "0o5",
      "5.0",
      "5e0",
      "5_",
      "1_0",
      "5L",
      "5n",
      "five",
      "",
      " ",
      "5 5",
      "5\t5",
      "5;",
      "5;a",
      '"5"',
      "'5'",
      "(5)",
    ],
    ...[
      "5,5",
      "5, 5",
      "5,6",
      ",5",
      "5,",
      "-0",
      "+0",
      "0,0",
      "Infinity",
      "NaN",
      "null",
      "0x",
      "5h",
      "\xb2",
      "\xef\xbc\x95",
      "\xd9\xa5",
    ],
    ...["18446744073709551621", "18446744073709551616", "9223372036854775808", "9007199254740993", "9".repeat(400)],
    ...NEAR_SPACES.flatMap((c) => [`5${c}`, `${c}5`]),
    ...["5\r", "\r5", "5\n", "5\r\r"],
  ]
) bad(`Content-Length ${quoted(value)}`, post(`Content-Length: ${value}\r\n`));
bad("Content-Length over --max-body", post("Content-Length: 9007199254740991\r\n"), 413);
bad("Content-Length over 32 bits", post("Content-Length: 4294967301\r\n"), 413);

// Names that some programs treat as Content-Length.
for (const name of ["content-length", "CONTENT-LENGTH", "cOnTeNt-LeNgTh"]) {
  good(`the name ${name}`, post(`${name}: 5\r\n`));
}
// These requests have no body: "hello" is the beginning of the next request's method.
for (
  const name of [
    "Content_Length",
    "Content-Lengths",
    "X-Content-Length",
    "Content--Length",
    "Content.Length",
    "Content-Length-",
  ]
) {
  good(`the name ${name}`, post(`${name}: 5\r\n`));
}
for (
  const name of [
    ...[
      "Content-Length ",
      "Content-Length\t",
      " Content-Length",
      "\tContent-Length",
      "Content Length",
      "Content-Length:",
      ":Content-Length",
    ],
    ...[
      "Content\rLength",
      "X\r\nContent-Length",
      "Content-Length\r",
      "\rContent-Length",
      "X\nContent-Length",
      "(Content-Length)",
      '"Content-Length"',
    ],
    ...["Content-\xe4ength", "Content-Length\xc2\xa0", "\xef\xbb\xbfContent-Length"],
    ...NEAR_SPACES.flatMap((c) => [`Content-Length${c}`, `${c}Content-Length`]),
  ]
) bad(`the name ${quoted(name)}`, post(`${name}: 5\r\n`));

for (const [one, other] of [["5", "5"], ["5", "6"], ["0", "5"], ["5", "0"], ["5", ""], ["", "5"], ["05", "5"]]) {
  bad(
    `Content-Length ${quoted(one!)} and ${quoted(other!)}`,
    post(`Content-Length: ${one}\r\nContent-Length: ${other}\r\n`),
  );
  bad(
    `Content-Length ${quoted(one!)}, another header, and ${quoted(other!)}`,
    post(`Content-Length: ${one}\r\nX: y\r\ncontent-length: ${other}\r\n`),
  );
}

// Transfer-Encoding: alone, and with a length.
for (const value of ["chunked", "Chunked", "CHUNKED", " chunked ", "\tchunked", "chunked\t"]) {
  good(`Transfer-Encoding ${quoted(value)}`, post(`Transfer-Encoding:${value}\r\n`, CHUNKS));
}
const CODINGS: Readonly<Record<number, readonly string[]>> = {
  501: [
    "identity, chunked",
    "gzip, chunked",
    "gzip,chunked",
    "deflate\t,\tchunked",
    "x, y, chunked",
    "GZIP , Chunked",
    "trailers, chunked",
  ],
  400: [
    ...[
      "chunked,",
      ",chunked",
      ", chunked",
      "chunked, ",
      "chunked;q=1",
      "chunked; a=b",
      "identity",
      "chunked, identity",
      "chunked, chunked",
      "gzip",
    ],
    ...[
      "x-chunked",
      "xchunked",
      "chunkedx",
      '"chunked"',
      "'chunked'",
      "",
      " ",
      "chunk",
      "trailers",
      "deflate",
      "compress",
      "null",
      "0",
      "5",
    ],
    ...[
      "identity;chunked",
      "chunked identity",
      "gzip chunked",
      "gzip;chunked",
      "chunked, gzip, chunked",
      "chunked\r",
      "\rchunked",
      "ch\runked",
    ],
    ...[
      "chun\xe7ked",
      "chu\xc5\x8bked",
      "chunke\xe2\x84\xaad",
      "gzip\xa0, chunked",
      "(gzip), chunked",
      "gzip;q=1, chunked",
    ],
    ...NEAR_SPACES.flatMap((c) => [`chunked${c}`, `${c}chunked`]),
  ],
};
for (const [status, values] of Object.entries(CODINGS)) {
  for (const value of values) {
    bad(`Transfer-Encoding ${quoted(value)}`, post(`Transfer-Encoding: ${value}\r\n`, CHUNKS), Number(status));
    bad(
      `Content-Length and Transfer-Encoding ${quoted(value)}`,
      post(`Content-Length: 15\r\nTransfer-Encoding: ${value}\r\n`, CHUNKS),
    );
  }
}
for (const value of ["chunked", "Chunked", "identity"]) {
  bad(
    `a length, then Transfer-Encoding ${value}`,
    post(`Content-Length: 15\r\nTransfer-Encoding: ${value}\r\n`, CHUNKS),
  );
  bad(
    `Transfer-Encoding ${value}, then a length`,
    post(`Transfer-Encoding: ${value}\r\nContent-Length: 15\r\n`, CHUNKS),
  );
}
for (const name of ["Transfer_Encoding", "Transfer-Encodings", "X-Transfer-Encoding", "TE"]) {
  good(`a length and the name ${name}`, post(`Content-Length: 15\r\n${name}: chunked\r\n`, CHUNKS));
  bad(`the name ${name}`, post(`${name}: chunked\r\n`, CHUNKS), 400, 1);
}
for (
  const name of [
    ...[
      "Transfer-Encoding ",
      "Transfer-Encoding\t",
      " Transfer-Encoding",
      "\tTransfer-Encoding",
      "Transfer Encoding",
      "Transfer-Encoding:",
    ],
    ...[
      "X\rTransfer-Encoding",
      "X\nTransfer-Encoding",
      "Transfer-Encoding\r",
      "X: y\r\n Transfer-Encoding",
      "X: y\rTransfer-Encoding",
    ],
    ...["X: y\nTransfer-Encoding", "X: y\0\r\nTransfer-Encoding", "Trans\xc5\xbffer-Encoding", "Tran\xe2fer-Encoding"],
    ...NEAR_SPACES.flatMap((c) => [`Transfer-Encoding${c}`, `${c}Transfer-Encoding`]),
  ]
) {
  bad(`a length and the name ${quoted(name)}`, post(`Content-Length: 15\r\n${name}: chunked\r\n`, CHUNKS));
  if (!name.startsWith("X: y\r\n")) bad(`the name ${quoted(name)}`, post(`${name}: chunked\r\n`, CHUNKS));
}
for (
  const [one, other, status] of [
    ...[["chunked", "chunked", 400], ["chunked", "identity", 400], ["identity", "chunked", 501], [
      "gzip",
      "chunked",
      501,
    ]] as const,
    ...[["chunked", "", 400], ["", "chunked", 400], ["chunked", "x", 400]] as const,
  ]
) {
  bad(
    `Transfer-Encoding ${quoted(one)} and ${quoted(other)}`,
    post(`Transfer-Encoding: ${one}\r\nTransfer-Encoding: ${other}\r\n`, CHUNKS),
    status,
  );
}

// Lines: folded ones, and ends other than CR LF.
for (
  const [name, sent] of [
    ["Transfer-Encoding on two lines", post("Transfer-Encoding:\r\n chunked\r\n", CHUNKS)],
    ["a folded value of Transfer-Encoding", post("Transfer-Encoding: x\r\n chunked\r\n", CHUNKS)],
    [
      "a folded Transfer-Encoding behind a length",
      post("Content-Length: 15\r\nTransfer-Encoding:\r\n\tchunked\r\n", CHUNKS),
    ],
    ["a folded Content-Length", post("Content-Length:\r\n 5\r\n")],
    ["a folded first header", `${LINE} ${HOST}Content-Length: 5\r\n\r\nhello`],
    ["a folded Host", `${LINE}Host:\r\n a\r\nContent-Length: 5\r\n\r\nhello`],
    ["a folded line of a space", post("X: y\r\n \r\nContent-Length: 5\r\n")],
    ["a folded line of a tab", post("X: y\r\n\tz\r\nContent-Length: 5\r\n")],
    ["LF alone everywhere", post("Content-Length: 5\r\n").replaceAll("\r\n", "\n")],
    ["LF alone behind the first line", `POST /invocations HTTP/1.1\n${HOST}Content-Length: 5\r\n\r\nhello`],
    ["LF alone behind a header", `${LINE}Host: a\nContent-Length: 5\r\n\r\nhello`],
    ["LF alone as the empty line", `${LINE}${HOST}Content-Length: 5\r\n\nhello`],
    ["LF alone behind the last header", `${LINE}${HOST}Content-Length: 5\n\r\nhello`],
    ["LF twice at the end", `${LINE}${HOST}Content-Length: 5\n\nhello`],
    ["a header behind LF in a value", post("X: a\nContent-Length: 5\r\n")],
    ["chunks behind LF in a value", post("Content-Length: 15\r\nX: a\nTransfer-Encoding: chunked\r\n", CHUNKS)],
    ["CR in a value", post("X: a\rb\r\nContent-Length: 5\r\n")],
    ["chunks behind CR in a value", post("Content-Length: 15\r\nX: a\rTransfer-Encoding: chunked\r\n", CHUNKS)],
    ["a length behind CR in a value", post("X: a\rContent-Length: 5\r\n")],
    ["CR CR LF behind a header", post("X: a\r\r\nContent-Length: 5\r\n")],
    ["CR CR LF at the end", `${LINE}${HOST}Content-Length: 5\r\n\r\r\nhello`],
    ["CR alone as the empty line", `${LINE}${HOST}Content-Length: 5\r\n\rhello`],
    ["CR alone behind the first line", `POST /invocations HTTP/1.1\r${HOST}Content-Length: 5\r\n\r\nhello`],
    ["LF CR behind the first line", `POST /invocations HTTP/1.1\n\r${HOST}Content-Length: 5\r\n\r\nhello`],
    ["CR in the target", `POST /invo\rcations HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`],
    ["LF in the target", `POST /invo\ncations HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`],
  ] as const
) bad(name, sent);
for (
  const [name, before] of [["one empty line", "\r\n"], ["two empty lines", "\r\n\r\n"], [
    "fifty empty lines",
    "\r\n".repeat(50),
  ]] as const
) {
  good(`${name} before a request`, before + post("Content-Length: 5\r\n"));
  good(`${name} between requests`, post("Content-Length: 5\r\n") + before);
}
for (
  const [name, before] of [
    ...[["LF", "\n"], ["CR", "\r"], ["a space", " "], ["a tab", "\t"], ["a line of a space", " \r\n"], [
      "NUL",
      "\0",
    ]] as const,
    ...[["a byte order mark", "\xef\xbb\xbf"], ["a space behind an empty line", "\r\n "], ["CR CR LF", "\r\r\n"], [
      "LF CR",
      "\n\r",
    ]] as const,
  ]
) {
  bad(`${name} before a request`, before + post("Content-Length: 5\r\n"));
  bad(`${name} between requests`, post("Content-Length: 5\r\n") + before, 400, 1);
}

// Chunks.
for (
  const [name, body] of [
    ["with an extension", "5;a=b\r\nhello\r\n0\r\n\r\n"],
    ["with an extension without a value", "5;a\r\nhello\r\n0\r\n\r\n"],
    ["with two extensions", "5;a=b;c\r\nhello\r\n0;d=e\r\n\r\n"],
    ["with an extension in quotes", '5;a="b c; d\\"e"\r\nhello\r\n0\r\n\r\n'],
    ["with an extension of 200 bytes", `5;${"a".repeat(200)}\r\nhello\r\n0\r\n\r\n`],
    ["with zeros before the size", "0000000005\r\nhello\r\n0\r\n\r\n"],
    ["with sixteen digits", "0000000000000005\r\nhello\r\n0\r\n\r\n"],
    ["of a size in upper case", "A\r\nhellohello\r\n0\r\n\r\n"],
    ["of a size in lower case", "a\r\nhellohello\r\n0\r\n\r\n"],
    ["and several zeros at the end", "5\r\nhello\r\n000\r\n\r\n"],
    ["of a byte each", `${"1\r\na\r\n".repeat(50)}0\r\n\r\n`],
    ["and nothing in them", "0\r\n\r\n"],
    ["with what looks like chunks in them", "f\r\n5\r\nhello\r\n0\r\n\r\n\r\n0\r\n\r\n"],
    ["with a trailer", "5\r\nhello\r\n0\r\nX: y\r\n\r\n"],
    ["with trailers that say who asks", "5\r\nhello\r\n0\r\nHost: b\r\nContent-Type: evil\r\nAuthorization: x\r\n\r\n"],
    ["with an empty line behind them", "5\r\nhello\r\n0\r\n\r\n\r\n"],
  ] as const
) good(`chunks ${name}`, chunked(body));
for (
  const [name, body] of [
    ["with a space behind the size", "5 \r\nhello\r\n0\r\n\r\n"],
    ["with a tab behind the size", "5\t\r\nhello\r\n0\r\n\r\n"],
    ["with a space before the size", " 5\r\nhello\r\n0\r\n\r\n"],
    ["with a space behind the last size", "5\r\nhello\r\n0 \r\n\r\n"],
    ["with words behind the size", "5 a\r\nhello\r\n0\r\n\r\n"],
    ["with 0x", "0x5\r\nhello\r\n0\r\n\r\n"],
    ["with a plus", "+5\r\nhello\r\n0\r\n\r\n"],
    ["with a minus", "-5\r\nhello\r\n0\r\n\r\n"],
    ["with a list of sizes", "5,5\r\nhello\r\n0\r\n\r\n"],
    ["without a size", "\r\nhello\r\n0\r\n\r\n"],
    ["of a size with g", "g\r\nhello\r\n0\r\n\r\n"],
    ["of a size with _", "0_5\r\nhello\r\n0\r\n\r\n"],
    ["of a size that is no ASCII", "\xd9\xa5\r\nhello\r\n0\r\n\r\n"],
    ["with h behind the size", "5h\r\nhello\r\n0\r\n\r\n"],
    ["with LF alone behind the size", "5\nhello\r\n0\r\n\r\n"],
    ["with LF alone behind the data", "5\r\nhello\n0\r\n\r\n"],
    ["with LF alone behind the last size", "5\r\nhello\r\n0\n\r\n"],
    ["with LF alone at the end", "5\r\nhello\r\n0\r\n\n"],
    ["with LF alone everywhere", "5\nhello\n0\n\n"],
    ["with CR alone behind the size", "5\rhello\r\n0\r\n\r\n"],
    ["with CR CR LF behind the size", "5\r\r\nhello\r\n0\r\n\r\n"],
    ["with CR alone behind the data", "5\r\nhello\r0\r\n\r\n"],
    ["with other bytes behind the data", "5\r\nhelloXX0\r\n\r\n"],
    ["without an end of the data", "5\r\nhello0\r\n\r\n"],
    ["longer than they say", "5\r\nhelloX\r\n0\r\n\r\n"],
    ["shorter than they say", "6\r\nhello\r\n0\r\n\r\n"],
    ["with an extension without a name", "5;\r\nhello\r\n0\r\n\r\n"],
    ["with two semicolons", "5;;\r\nhello\r\n0\r\n\r\n"],
    ["with an extension that is =", "5;=\r\nhello\r\n0\r\n\r\n"],
    ["with an extension without its value", "5;a=\r\nhello\r\n0\r\n\r\n"],
    ["with a space in an extension", "5;a b\r\nhello\r\n0\r\n\r\n"],
    ["with a space before an extension", "5 ;a=b\r\nhello\r\n0\r\n\r\n"],
    ["with a space in front of an extension", "5; a=b\r\nhello\r\n0\r\n\r\n"],
    ["with a space behind =", "5;a= b\r\nhello\r\n0\r\n\r\n"],
    ["with a space before an extension of the last one", "5\r\nhello\r\n0 ;a=b\r\n\r\n"],
    ["with LF in an extension", "5;a\nX\r\nhello\r\n0\r\n\r\n"],
    ["with CR in an extension", "5;a\rX\r\nhello\r\n0\r\n\r\n"],
    ["with NUL in an extension", "5;a\0\r\nhello\r\n0\r\n\r\n"],
    ["with no ASCII in an extension", "5;\xe4\xff\r\nhello\r\n0\r\n\r\n"],
    ["with a line end in quotes", '5;a="\r\nhello\r\n0\r\n\r\n'],
    ["with a line end in quotes that are closed", '5;a="\r\n"\r\nhello\r\n0\r\n\r\n'],
    ["with an extension of 300 bytes", `5;${"a".repeat(300)}\r\nhello\r\n0\r\n\r\n`],
    ["with an extension of 20,000 bytes", `5;${"a".repeat(20_000)}\r\nhello\r\n0\r\n\r\n`],
    ["with many extensions", `${`1;${"a".repeat(200)}\r\nh\r\n`.repeat(100)}0\r\n\r\n`],
    ["with a trailer without a colon", "5\r\nhello\r\n0\r\nnonsense\r\n\r\n"],
    ["with a trailer without a name", "5\r\nhello\r\n0\r\n: y\r\n\r\n"],
    ["with a space in a trailer's name", "5\r\nhello\r\n0\r\nX : y\r\n\r\n"],
    ["with a trailer of Content-Length", "5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n"],
    ["with a trailer of Transfer-Encoding", "5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["with a folded trailer", "5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n"],
    ["with LF alone behind a trailer", "5\r\nhello\r\n0\r\nX: y\n\r\n"],
    ["with CR in a trailer", "5\r\nhello\r\n0\r\nX: a\rb\r\n\r\n"],
    ["with NUL in a trailer", "5\r\nhello\r\n0\r\nX: a\0b\r\n\r\n"],
    ["with a request for a trailer", "5\r\nhello\r\n0\r\nGET /x HTTP/1.1\r\n\r\n"],
    ["with a trailer of 20,000 bytes", `5\r\nhello\r\n0\r\nX: ${"y".repeat(20_000)}\r\n\r\n`],
    ["with 2,000 trailers", `5\r\nhello\r\n0\r\n${"X: y\r\n".repeat(2000)}\r\n`],
    ["without the last one", "5\r\nhello\r\n"],
    ...NEAR_SPACES.flatMap((c) =>
      [[`with ${quoted(c)} behind the size`, `5${c}\r\nhello\r\n0\r\n\r\n`], [
        `with ${quoted(c)} before the size`,
        `${c}5\r\nhello\r\n0\r\n\r\n`,
      ]] as const
    ),
  ] as const
) bad(`chunks ${name}`, chunked(body));
for (const size of ["100000005", "fffffffb", "ffffffff", "20000000000005", "7fffffff"]) {
  bad(`a chunk of ${size}`, chunked(`${size}\r\nhello\r\n0\r\n\r\n`), size.length > 13 ? 400 : 413);
}
for (const size of ["10000000000000005", "ffffffffffffffff", "fffffffffffffffb", `1${"0".repeat(40)}`]) {
  bad(`a chunk of ${quoted(size)}`, chunked(`${size}\r\nhello\r\n0\r\n\r\n`));
}

// The first line.
for (
  const method of [
    "PUT",
    "DELETE",
    "PATCH",
    "OPTIONS",
    "GET",
    "QUERY",
    "TRACE",
    "PROPFIND",
    "M-SEARCH",
    "post",
    "Post",
    "FOO",
    "A".repeat(64),
    "!#$%&'*+-.^_`|~",
  ]
) {
  good(`the method ${quoted(method)}`, line(`${method} /invocations HTTP/1.1`));
}
bad("the method CONNECT", line("CONNECT /invocations HTTP/1.1"), 501);
bad("the method CONNECT, with an authority", line("CONNECT a:443 HTTP/1.1"), 501);
bad("a method of 65 characters", line(`${"A".repeat(65)} / HTTP/1.1`), 501);
bad("a method of 5,000 characters", line(`${"A".repeat(5000)} / HTTP/1.1`), 501);
for (
  const first of [
    ...[
      "POST  /invocations HTTP/1.1",
      "POST /invocations  HTTP/1.1",
      "POST\t/invocations HTTP/1.1",
      "POST /invocations\tHTTP/1.1",
    ],
    ...[
      "POST /invocations HTTP/1.1 ",
      "POST /invocations HTTP/1.1\t",
      " POST /invocations HTTP/1.1",
      "POST /invocations http/1.1",
      "POST /invocations Http/1.1",
    ],
    ...[
      "POST /invocations HTTP/2",
      "POST /invocations HTTP/1",
      "POST /invocations HTTP/1.10",
      "POST /invocations HTTP/11.1",
      "POST /invocations HTTP/1,1",
    ],
    ...[
      "POST /invocations HTTP/01.1",
      "POST /invocations HTTP/1.1x",
      "POST /invocations HTTP/ 1.1",
      "POST /invocations HTTP/1 .1",
      "POST /invocations HTTP/-1.1",
    ],
    ...[
      "POST /invocations",
      "POST /invocations ICY/1.1",
      "POST /invocations RTSP/1.0",
      "POST /invocations HTTP/1.\xd9\xa1",
      "POST /invocations HTTP/1.1 HTTP/1.1",
    ],
    ...[
      "POST HTTP/1.1",
      "POST  HTTP/1.1",
      "/invocations HTTP/1.1",
      "HTTP/1.1",
      "POST",
      "POST /invocations/ HTTP",
    ],
    ...["PO(ST", "PO\0ST", "POST\xe4", "POST:", "PO/ST", "PO@ST", '"POST"', "{POST}", "PO\rST", "PO\xc5\xbfT", "PO\\ST"]
      .map((method) => `${method} /invocations HTTP/1.1`),
    ...NEAR_SPACES.map((c) => `POST${c}/invocations HTTP/1.1`),
    ...NEAR_SPACES.map((c) => `POST /invocations${c}HTTP/1.1`),
  ]
) {
  bad(`the line ${quoted(first)}`, line(first));
}
for (const version of ["0.9", "1.2", "1.9", "2.0", "3.0", "9.9", "0.0", "0.1"]) {
  bad(`HTTP/${version}`, line(`POST /invocations HTTP/${version}`), 505);
}
for (
  const target of [
    ...[
      "/",
      "/invocations?a=b",
      "/invocations?a=b?c",
      "/invocations?",
      "/invocations?../..",
      "/%69nvocations",
      "/invocations%00",
      "/invocations%zz",
      "/%2finvocations",
    ],
    ...[
      "//invocations",
      "//b/invocations",
      "///",
      "/invocations/",
      "/invocations;x",
      "/...",
      "/a/.../b",
      "/.a",
      "/..a",
      "/a..",
      "/%2e%2ea",
      "/%252e%252e/",
    ],
    ...[
      "/{x}|^`<>",
      "/\"'",
      "/@:",
      "/a:80",
      "/http://b/",
      "/*",
      "/~",
      "/!$&'()*+,;=",
      "/a?%5c",
      `/${"a".repeat(8000)}`,
      `/${"a".repeat(65_535)}`,
    ],
    ...[
      "http://a/invocations",
      "http://b/invocations",
      "https://a/invocations",
      "HTTP://A/invocations",
      "http://a:80/",
      "http://a",
      "http://a?x",
      "http://[::1]/a",
      "http://a/b?c",
    ],
  ]
) good(`the target ${quoted(target)}`, line(`POST ${target} HTTP/1.1`));
for (
  const target of [
    ...[
      "/invo cations",
      "/invo\x01",
      "/invo\x7f",
      "/invo\0cations",
      "/invocations\xe4",
      "/invocations\xc3\xa4",
      "/invocations#x",
      "/#",
      "/a?b#c",
    ],
    ...[
      "/.",
      "/..",
      "/./invocations",
      "/a/../invocations",
      "/../../etc/passwd",
      "/a/%2e%2e/invocations",
      "/%2e/a",
      "/%2E%2e",
      "/.%2e/a",
      "/a/..?b",
      "/a/.",
      "/a%2f..%2fb",
      "/a%5c..%5cb",
      "/..%2f",
    ],
    ...[
      "/a\\..\\invocations",
      "\\invocations",
      "/invocations\\",
      "/a?\\",
      "http:\\\\a\\invocations",
      "http://a\\invocations",
      "/\\..\\a",
    ],
    ...[
      "http://a:99999/invocations",
      "http://u:p@a/invocations",
      "http:///invocations",
      "http:/a/invocations",
      "http:a",
      "ftp://a/invocations",
      "file:///etc/passwd",
    ],
    ...[
      "http://[::1/invocations",
      "http://[::1]a/",
      "http://a/../b",
      "http://a/%2e%2e/b",
      "http://a#b",
      "http://a b/",
      "http:// /",
      "ws://a/",
      "http://?a",
    ],
    ...["*", "invocations", "a:80", "?x", "javascript:alert(1)", "a/b", "%2finvocations", "."],
    ...CONTROLS.map((c) => `/a${c}b`),
  ]
) bad(`the target ${quoted(target)}`, line(`POST ${target} HTTP/1.1`));
good("OPTIONS *", line("OPTIONS * HTTP/1.1"));
bad("a target over 64 KiB", line(`POST /${"a".repeat(65_536)} HTTP/1.1`), 414);
bad("a target of 140 kB", line(`POST /${"a".repeat(140_000)} HTTP/1.1`), 414);

// Other protocols.
for (
  const [name, sent, status] of [
    ["a line without a version", "GET /\r\n", 400],
    ["a line without a version, with a space", "GET / \r\n", 400],
    ["a line without a version, with LF", "GET /\n", 400],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
    ["a hello of TLS", `\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03${"a".repeat(64)}`, 400],
    ["SSH", "SSH-2.0-x\r\n", 400],
    ["version 1 of the PROXY protocol", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n", 400],
    ["version 2 of the PROXY protocol", "\r\n\r\n\0\r\nQUIT\n\x20\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\0\x01\0\x02", 400],
    ["Redis", "*1\r\n$4\r\nPING\r\n", 400],
    ["SMTP", "EHLO a\r\n", 400],
  ] as const
) bad(name, sent, status);

// Host.
for (
  const value of [
    "a:80",
    "a:",
    "a:0",
    "a:65535",
    "[::1]:80",
    "[::1]",
    "127.0.0.1",
    "a_b",
    "a.b",
    "..",
    "%61",
    "a,b",
    "a;b",
    "a.",
    "A",
    "",
    " ",
    "\ta\t",
    "a".repeat(5000),
    "a!$&'()*+,;=~",
  ]
) {
  good(`Host ${quoted(value)}`, host(`Host:${value}\r\n`));
}
good("the name host", host("host: a\r\n"));
for (
  const value of [
    ...[
      "a b",
      "u@a",
      "a/b",
      "a?b",
      "a#b",
      "a\\b",
      "a:8x",
      "a:99999",
      "a:65536",
      "a:-1",
      "a:80:80",
      "[::1",
      "::1",
      "[::1]a",
      "[g]",
      "[fe80::1%25eth0]",
      "\xe4",
      "a\xc3\xa4",
    ],
    ...['"a"', "<a>", "http://a", "a|b", "a, a", "[::1]:80:80", "a:+80", "a: 80", "{a}", "a^b", "a`b", "a\tb", "a\xa0"],
    ...CONTROLS.map((c) => `a${c}b`),
  ]
) bad(`Host ${quoted(value)}`, host(`Host: ${value}\r\n`));
bad("no Host", host(""));
bad("Host twice", host(HOST + HOST));
bad("two hosts", host(`${HOST}Host: b\r\n`));
bad("Host and an empty one", host(`${HOST}Host:\r\n`));
bad("a space behind the name Host", host("Host : a\r\n"));
bad("no Host, and an absolute URL", `POST http://a/ HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello`);

// Headers.
for (
  const [name, headers] of [
    ["no value", "X:\r\n"],
    ["no space", "X:y\r\n"],
    ["spaces alone", "X:   \t \r\n"],
    ["two colons", "X:: y\r\n"],
    ["Latin-1", "X: \xe4\xff\x80\r\n"],
    ["UTF-8", "X: \xe2\x82\xac\r\n"],
    ["names of objects", "__proto__: x\r\nconstructor: y\r\nhasOwnProperty: z\r\n"],
    ["all characters of names", "!#$%&'*+-.^_`|~: z\r\n"],
    ["8 kB", `X: ${"a".repeat(8000)}\r\n`],
    ["60 kB", `X: ${"a".repeat(60_000)}\r\n`],
    ["98 of them", "X: y\r\n".repeat(98)],
  ] as const
) good(`headers: ${name}`, post(`${headers}Content-Length: 5\r\n`));
for (
  const [name, headers, status] of [
    ...[
      "no name|: x",
      "no colon|Xyz",
      "a space in a name|X Y: z",
      "a space behind a name|X : z",
      "a tab behind a name|X\t: z",
      "a space before a name| X: z",
      "a line of a space| ",
      "a colon alone|:",
      "a colon before a name|:X: y",
    ]
      .map((text) => [text.split("|")[0]!, `${text.split("|")[1]}\r\n`, 400] as const),
    ...["(", ")", "/", "@", '"', "{", "}", "=", "[", "]", "?", ",", ";", "<", ">", "\\", "\xe4", "\x80"].map((c) =>
      [`${quoted(c)} in a name`, `X${c}Y: z\r\n`, 400] as const
    ),
    ...CONTROLS.map((c) => [`${quoted(c)} in a name`, `X${c}Y: z\r\n`, 400] as const),
    ...CONTROLS.map((c) => [`${quoted(c)} in a value`, `X: y${c}z\r\n`, 400] as const),
    ["200 kB", `X: ${"a".repeat(200_000)}\r\n`, 431],
    ["a name of 200 kB", `${"X".repeat(200_000)}: y\r\n`, 431],
    ["99 of them, and Host and a length", "X: y\r\n".repeat(99), 431],
    ["1,000 of them", "X: y\r\n".repeat(1000), 431],
  ] as const
) bad(`headers: ${name}`, post(`${headers}Content-Length: 5\r\n`), status);

// Connection, Upgrade, Expect; and HTTP/1.0.
for (
  const [name, headers] of [
    ["keep-alive", "Connection: keep-alive\r\n"],
    ["a header that it names", "Connection: Content-Length\r\n"],
    ["Transfer-Encoding, which it names", "Connection: transfer-encoding\r\n"],
    ["a word like close", "Connection: closex\r\n"],
    ["close in quotes", 'Connection: "close"\r\n'],
    ["that of a proxy", "Proxy-Connection: close\r\n"],
    ["an upgrade to WebSocket", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"],
    ["an upgrade to HTTP/2", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"],
    ["100-continue", "Expect: 100-continue\r\n"],
    ["100-Continue", "Expect: 100-Continue\r\n"],
  ] as const
) {
  good(`Connection: ${name}`, post(`${headers}Content-Length: 5\r\n`));
  const old = post(`${headers}Content-Length: 5\r\n`).replace("HTTP/1.1", "HTTP/1.0");
  if (name === "keep-alive") good(`HTTP/1.0 with Connection: ${name}`, old);
  else last(`HTTP/1.0 with Connection: ${name}`, old);
}
for (const value of ["close", "keep-alive, close", "\t close \t", ",,close,,", "Close", "close, x", "x,close"]) {
  last(`Connection ${quoted(value)}`, post(`Connection: ${value}\r\nContent-Length: 5\r\n`));
  last(
    `HTTP/1.0 with Connection ${quoted(value)}`,
    post(`Connection: ${value}\r\nContent-Length: 5\r\n`).replace("HTTP/1.1", "HTTP/1.0"),
  );
}
last("Connection in two headers", post("Connection: keep-alive\r\nConnection: close\r\nContent-Length: 5\r\n"));
for (const value of ["foo", "", "100-continue, foo", "100-continue, 100-continue", "200-ok", "100"]) {
  bad(`Expect ${quoted(value)}`, post(`Expect: ${value}\r\nContent-Length: 5\r\n`), 417);
}
bad("Expect twice", post("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n"), 417);
const old = (headers: string, body = "hello") => `POST /invocations HTTP/1.0\r\n${headers}\r\n${body}`;
last("HTTP/1.0", old(`${HOST}Content-Length: 5\r\n`));
good("HTTP/1.0 without Host", old("Content-Length: 5\r\nConnection: keep-alive\r\n"));
good("HTTP/1.0 without a length", old("Connection: keep-alive\r\n", ""));
bad("HTTP/1.0 with chunks", old(`${HOST}Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n`, CHUNKS));
bad(
  "HTTP/1.0 with chunks and a length",
  old(`${HOST}Content-Length: 15\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n`, CHUNKS),
);
bad("HTTP/1.0 with gzip, chunked", old(`${HOST}Transfer-Encoding: gzip, chunked\r\n`, CHUNKS));

// Several requests, one of which is malformed.
const one = post("Content-Length: 5\r\n");
bad("nonsense behind a request", `${one}BAD\r\n\r\n${one}`, 400, 1);
bad("a bad header behind a request", one + post("X Y: z\r\nContent-Length: 5\r\n") + one, 400, 1);
bad("a bad chunk behind a request", one + chunked("x\r\nhello\r\n0\r\n\r\n") + one, 400, 1);
good("a body that is longer than its length", post("Content-Length: 3\r\n"));
good("a body without a length", post("Content-Length: 0\r\n"));
for (const method of ["GET", "HEAD", "DELETE", "OPTIONS"]) {
  good(`${method} without a body`, `${method} /health/live HTTP/1.1\r\n${HOST}\r\n`);
  good(`${method} with a body`, `${method} /health/live HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`);
  good(
    `${method} with chunks`,
    `${method} /health/live HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${CHUNKS}`,
  );
}
// Empty and truncated input, without the marker after it.
cases.push({ name: "nothing at all", sent: "", taken: 0, refused: undefined });
for (
  const [name, sent] of [["in a head", one.slice(0, 40)], ["in a body", one.slice(0, -2)], [
    "in chunks",
    chunked("5\r\nhel"),
  ], ["behind chunks", chunked("5\r\nhello\r\n0\r\n")]] as const
) {
  cases.push({ name: `an end ${name}`, sent, taken: 0, refused: 400 });
}

/** All cases. */
export const CASES: readonly Case[] = cases;
