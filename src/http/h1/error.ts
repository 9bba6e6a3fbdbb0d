/** What is wrong with a request as HTTP. */

/** A limit of this server, for messages that name the option that raises it: one body, or all bodies in flight together. */
export type Limit = "body" | "bodies";

/** A request that can't be read or answered as HTTP. Whoever answers it decides what the answer looks like. */
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
