/** What a connection of a load test does, whatever it consists of. */

import type { Answer } from "../client/answer_parser.ts";

/** Takes an answer, which had arrived at `now` by `performance.now()`. @returns whether to send another request now */
export type OnAnswer = (answer: Answer, now: number) => boolean;

/** An open connection to the server, which carries one request at a time. */
export interface Line {
  /** Whether it can carry another request, as far as is known. */
  readonly isReusable: boolean;

  /**
   * Sends the request, and again after each answer for as long as `onAnswer` returns true.
   *
   * @returns whether `onAnswer` returned false; otherwise the last request has no answer, and needs another connection
   * @throws {ConnectionFailure} if the connection failed for a reason that another connection would not mend
   */
  run(onAnswer: OnAnswer): Promise<boolean>;

  /** Closes the connection; a request in flight fails. */
  close(): void;
}
