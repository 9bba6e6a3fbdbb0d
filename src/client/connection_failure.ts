/** Failures of connections to a server, in words for users. */

/** A connection failed, or the server sent something that is not an HTTP/1.1 response. The message completes "a request failed: …". */
export class ConnectionFailure extends Error {
  override readonly name = "ConnectionFailure";

  /** @param beforeAnswer whether it failed before the first byte of a response */
  constructor(message: string, readonly beforeAnswer: boolean, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Describes a system's error about a connection, without numbers that differ each time. */
export function failureOf(cause: unknown): string {
  if (cause instanceof Deno.errors.ConnectionReset) return "the server reset the connection";
  if (cause instanceof Deno.errors.ConnectionRefused) return "the server refused the connection";
  if (cause instanceof Deno.errors.BrokenPipe) return "the server closed the connection while the request was sent";
  return cause instanceof Error ? cause.message.replace(/ \(os error \d+\)$/, "") : String(cause);
}
