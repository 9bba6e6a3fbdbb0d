import assert from "node:assert/strict";
import type { Answer, Incoming } from "../../../src/http/h1/mod.ts";
import { bearer } from "../../../src/http/middleware/bearer.ts";
import { Tokens } from "../../../src/http/tokens.ts";
import { incomingOf } from "../helper/app.ts";

const TOKEN = "0123456789abcdef";
const OTHER = "fedcba9876543210";
const METRICS = "aaaabbbbccccdddd";

const answer = (status: number): Promise<Answer> => Promise.resolve({ status, headers: {}, body: new Uint8Array(0) });

/** Tokens that count how often a header was checked, and a handler that asks them. */
function guarded() {
  const tokens = Tokens.parse(`${TOKEN}\n${METRICS} metrics`, "'tokens'");
  let checks = 0;
  const { check } = Tokens.prototype;
  tokens.check = (authorization, path) => (checks++, check.call(tokens, authorization, path));
  const handle = bearer(tokens, new Set(["/ping"]), (_, { status }) => answer(status), () => answer(200));
  return {
    tokens,
    status: async (request: Incoming) => (await handle(request)).status,
    get checks() {
      return checks;
    },
  };
}

function requestTo(path: string, token?: string): Incoming {
  const headers: HeadersInit = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return incomingOf(new Request(`http://localhost${path}`, { headers }));
}

Deno.test("bearer() checks a head that a connection shares among requests once, and again after tokens were replaced", async () => {
  const server = guarded();
  const shared = requestTo("/invocations", TOKEN);
  for (let i = 0; i < 3; i++) assert.equal(await server.status(shared), 200);
  assert.equal(server.checks, 1);
  // Another head with the same token is another request.
  assert.equal(await server.status(requestTo("/admin/reload", TOKEN)), 403);
  server.tokens.replace(Tokens.parse(OTHER, "'tokens'"));
  for (let i = 0; i < 2; i++) assert.equal(await server.status(shared), 401);
  server.tokens.replace(Tokens.parse(TOKEN, "'tokens'"));
  assert.equal(await server.status(shared), 200);
});

Deno.test("bearer() refuses a head that it has refused before", async () => {
  const server = guarded();
  const requests = [
    [requestTo("/invocations"), 401],
    [requestTo("/invocations", OTHER), 401],
    [requestTo("/invocations", METRICS), 403],
  ] as const;
  for (const [request, status] of requests) {
    for (let i = 0; i < 2; i++) assert.equal(await server.status(request), status);
  }
  assert.equal(await server.status(requestTo("/ping", OTHER)), 200);
});

Deno.test("bearer() of one server does not trust what another has accepted", async () => {
  const request = requestTo("/invocations", TOKEN);
  assert.equal(await guarded().status(request), 200);
  const other = Tokens.parse(OTHER, "'tokens'");
  const handle = bearer(other, new Set(), (_, { status }) => answer(status), () => answer(200));
  assert.equal((await handle(request)).status, 401);
});
