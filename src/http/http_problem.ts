/** Defines errors that are answered with a problem. This is apart from `problem.ts` because threads need it without the supervisor. */

import { reasonPhrase } from "./h1/answer.ts";
import type { WholeAnswer } from "./h1/connection.ts";
import { HttpError } from "./h1/error.ts";

/** An error that is answered with a problem (RFC 9457). */
export class HttpProblem extends HttpError {
  override readonly name = "HttpProblem";

  /**
   * @param status an HTTP status, 400 to 599
   * @param detail a sentence for the person who sent the request
   * @param members more members of the problem
   * @param headers more headers of the response
   */
  constructor(
    status: number,
    detail: string,
    readonly members: Readonly<Record<string, string>> = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(status, detail);
  }

  /** Returns a copy with more headers. */
  with(headers: Readonly<Record<string, string>>): HttpProblem {
    return new HttpProblem(this.status, this.message, this.members, { ...this.headers, ...headers });
  }

  /** The members of the problem, for its JSON body. */
  get body(): Readonly<Record<string, string | number>> {
    const title = reasonPhrase(this.status) || "Error";
    return { type: "about:blank", title, status: this.status, detail: this.message, ...this.members };
  }

  /** Makes the answer with this problem as its body. */
  toAnswer(): WholeAnswer {
    return {
      status: this.status,
      headers: { "x-content-type-options": "nosniff", ...this.headers, "content-type": "application/problem+json" },
      body: new TextEncoder().encode(JSON.stringify(this.body) + "\n"),
    };
  }
}
