import assert from "node:assert/strict";
import { addressOf, authority } from "../../src/host.ts";

Deno.test("addressOf() removes the brackets of an IPv6 address, and nothing else", () => {
  for (
    const [host, address] of [["[::1]", "::1"], ["::1", "::1"], ["[::ffff:1.2.3.4]", "::ffff:1.2.3.4"], ["[a]", "[a]"]]
  ) {
    assert.equal(addressOf(host!), address);
  }
});

Deno.test("authority() puts brackets around an IPv6 address", () => {
  assert.equal(authority("::1", 8080), "[::1]:8080");
  assert.equal(authority("127.0.0.1", 8080), "127.0.0.1:8080");
  assert.equal(authority("localhost", 0), "localhost:0");
});
