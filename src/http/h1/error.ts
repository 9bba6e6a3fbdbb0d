/** The error for requests that break HTTP, or a limit of this server. */

/** The limit that a request exceeds: that of one body, or that of all bodies in flight. Messages name the option for it. */
export type Limit = "body" | "bodies";

/** A request that can't be parsed or answered as HTTP. The caller decides what the answer looks like. */
export class HttpError extends Error {
  override readonly name: string = "HttpError";

  /**
   * @param status the HTTP status of the answer, 400 to 599
   * @param reason a sentence for the person who sent the request
   * @param limit the limit that the request exceeds, if that is the reason
   */
  constructor(readonly status: number, reason: string, readonly limit?: Limit) {
    super(reason);
  }
}
