/** Ports for tests that have to name one. */

/** A free port of the loopback interface. Another program may take it before the test does. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
