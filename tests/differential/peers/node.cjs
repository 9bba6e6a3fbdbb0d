// Reads requests with Node's HTTP server, which is llhttp. Each line of standard input is what a client sends, in base64; each line of
// standard output is what became of it.
"use strict";
const { Buffer } = require("node:buffer");
const http = require("node:http");
const process = require("node:process");
const { Duplex } = require("node:stream");
const { setImmediate: turn } = require("node:timers/promises");

class Connection extends Duplex {
  taken = [];
  refused = false;
  /** Whether a request has said that it is the last. */
  last = false;
  /** Counts what has happened. */
  events = 0;

  _read() {}
  _write(_chunk, _encoding, callback) {
    this.events++;
    callback();
  }
  setTimeout() {
    return this;
  }
  setNoDelay() {
    return this;
  }
  setKeepAlive() {
    return this;
  }
  destroySoon() {
    this.end();
  }
}

const server = http.createServer({ keepAlive: true }, (request, response) => {
  const connection = request.socket;
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    connection.events++;
    if (!connection.last) {
      connection.taken.push({
        method: request.method,
        target: request.url,
        body: Buffer.concat(chunks).toString("latin1"),
      });
    }
    if (!response.shouldKeepAlive) connection.last = true;
    response.end();
  });
  request.on("error", () => {});
});
server.on("clientError", (_error, connection) => {
  connection.events++;
  connection.refused = true;
});
server.timeout = 0;
server.headersTimeout = 0;
server.requestTimeout = 0;

/** Waits until nothing happens any more. */
async function settled(connection) {
  for (let quiet = 0, seen = -1; quiet < 4; await turn()) {
    if (connection.events === seen) quiet++;
    else [quiet, seen] = [0, connection.events];
  }
}

async function read(sent) {
  const connection = new Connection();
  connection.on("error", () => {});
  server.emit("connection", connection);
  connection.push(sent);
  await settled(connection);
  const { taken, refused, last } = connection;
  const end = refused || (connection.writableEnded && !last) ? "refused" : last ? "closed" : "open";
  connection.destroy();
  return { taken, end };
}

(async () => {
  let input = "";
  for await (const chunk of process.stdin) input += chunk;
  const lines = input.split("\n").slice(0, -1);
  const outcomes = [];
  // Several at a time, since each waits for others' turns.
  for (let at = 0; at < lines.length; at += 64) {
    const some = lines.slice(at, at + 64).map((line) => read(Buffer.from(line, "base64")));
    outcomes.push(...await Promise.all(some));
  }
  process.stdout.write(JSON.stringify(outcomes));
})();
