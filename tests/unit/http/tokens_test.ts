import assert from "node:assert/strict";
import { Tokens } from "../../../src/http/tokens.ts";

const GOOD = "0123456789abcdef";
const ADMIN = "aaaabbbbccccdddd";
const OTHER = "fedcba9876543210-._~+/=";

Deno.test("check() accepts known tokens within their scope, and refuses others", () => {
  const tokens = Tokens.parse(`# ours\n\n  ${GOOD}\n${OTHER} metrics # theirs\r\n${ADMIN} admin\n`, "'tokens'");
  for (
    const [header, path, verdict] of [
      [null, "/invocations", "missing"],
      ["", "/invocations", "missing"],
      [GOOD, "/invocations", "missing"],
      [`Basic ${GOOD}`, "/invocations", "missing"],
      [`Bearer ${GOOD}`, "/invocations", "good"],
      [`bearer  ${GOOD} `, "/metrics", "good"],
      [`Bearer ${GOOD}0`, "/invocations", "wrong"],
      [`Bearer ${GOOD.slice(1)}`, "/invocations", "wrong"],
      [`Bearer ${OTHER}`, "/metrics", "good"],
      [`Bearer ${OTHER}`, "/invocations", "metrics_only"],
      [`Bearer ${OTHER}`, "/admin/reload", "metrics_only"],
      [`Bearer ${GOOD}`, "/admin/reload", "not_admin"],
      [`Bearer ${ADMIN}`, "/admin/reload", "good"],
      [`Bearer ${ADMIN}`, "/invocations", "good"],
      [`Bearer ${ADMIN}`, "/metrics", "good"],
    ] as const
  ) {
    assert.equal(tokens.check(header, path), verdict, `${header} ${path}`);
  }
  tokens.replace(Tokens.parse(OTHER, "x"));
  assert.equal(tokens.check(`Bearer ${GOOD}`, "/invocations"), "wrong");
  assert.equal(tokens.check(`Bearer ${OTHER} `, "/invocations"), "good");
});

Deno.test("check() compares every character of a long token", () => {
  for (const length of [255, 256, 257, 5000]) {
    const token = "a".repeat(length);
    const tokens = Tokens.parse(token, "'tokens'");
    assert.equal(tokens.check(`Bearer ${token}`, "/invocations"), "good", `${length}`);
    for (const other of [`${token}a`, token.slice(1), `${token.slice(1)}b`, `b${token.slice(1)}`, `${token}\u00e9`]) {
      assert.equal(tokens.check(`Bearer ${other}`, "/invocations"), "wrong", `${length}: ${other.length}`);
    }
  }
});

Deno.test("parse() refuses invalid lines without showing a token", () => {
  for (
    const [text, message] of [
      ["", "'tokens' contains no token"],
      ["# nothing", "'tokens' contains no token"],
      ["short", "'tokens', line 1: a token has at least 16 characters, of A-Z a-z 0-9 - . _ ~ + / ="],
      [`\n${GOOD}ä`, "'tokens', line 2: a token has at least 16 characters, of A-Z a-z 0-9 - . _ ~ + / ="],
      [`${GOOD} root`, "'tokens', line 1: only 'all', 'metrics' or 'admin' may follow a token"],
      [`${GOOD} all metrics`, "'tokens', line 1: only 'all', 'metrics' or 'admin' may follow a token"],
    ] as const
  ) {
    assert.throws(() => Tokens.parse(text, "'tokens'"), { name: "UsageError", message });
  }
});
