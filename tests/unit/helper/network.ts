/** Finds out what the network of this machine can do. */

/** Whether there is an IPv6 address to listen on. */
export const hasIpv6 = (() => {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
})();
