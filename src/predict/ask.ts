/** The interface of a model that can be asked; a pool of workers and an HTTP server both implement it. */

import { joined } from "../bytes.ts";

/** One request to a model. */
export interface Question {
  /** The request's body. Implementations must not change it, since the same question may be asked again. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  readonly accept: string;
  /** The name of this request in log lines: ASCII without spaces. */
  readonly id: string;
}

/** Why a request has no answer. */
export interface Fault {
  /**
   * Where it failed: a function of the script (`deserialize`, `predict`, `predict_batch`, `serialize`), `worker` (its process died), `server`,
   * `connection`, `input` (the record could not be sent) or `output` (the answer could not be written).
   */
  readonly stage: string;
  /** The class of the script's exception, or a name for another kind of failure, such as `Lost`. */
  readonly type: string;
  readonly message: string;
  /**
   * Whether the request may be sent again. `never`: it would fail again. `lost`: it may have been executed, but gave no answer.
   * `refused`: it was not executed, since the other side was full or unreachable.
   */
  readonly again: "never" | "lost" | "refused";
  /** How long the server wants the client to wait, in ms. */
  readonly pauseMs?: number | undefined;
}

/** A part of a streamed answer, the fault that ended the stream early, or undefined after the last part. */
export type Part = Uint8Array<ArrayBuffer> | Fault | undefined;

/** The reply to a request. */
export type Reply =
  | { readonly kind: "answer"; readonly contentType: string; readonly body: Uint8Array<ArrayBuffer> }
  | {
    readonly kind: "parts";
    readonly contentType: string;
    readonly next: () => Promise<Part>;
    /** Ends the stream: the caller takes no more parts. */
    readonly leave: () => void;
  }
  | { readonly kind: "fault"; readonly fault: Fault };

/** A model that can be asked. */
export interface Ask extends AsyncDisposable {
  /** How many requests at once keep the model busy; more of them do not make it faster. */
  readonly atOnce: number;
  /**
   * Sends one request to the model.
   *
   * @throws {AimodellibError} if the model can't answer any further request: it has failed, or the server refuses this client
   */
  readonly ask: (question: Question) => Promise<Reply>;
  /** Ends all requests that still wait for an answer, with an error. */
  readonly abandon: () => void;
}

/** Joins the parts of an answer, or returns the fault that ended it. @param maxBytes the longest answer that is accepted */
export async function whole(reply: Reply, maxBytes: number): Promise<Exclude<Reply, { readonly kind: "parts" }>> {
  if (reply.kind !== "parts") return reply;
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for (let part = await reply.next(); part !== undefined; part = await reply.next()) {
    if (!(part instanceof Uint8Array)) return { kind: "fault", fault: part };
    length += part.length;
    if (length > maxBytes) {
      reply.leave();
      const message = `The parts of the answer together exceed ${maxBytes} bytes`;
      return { kind: "fault", fault: { stage: "output", type: "TooLarge", message, again: "never" } };
    }
    parts.push(part);
  }
  return { kind: "answer", contentType: reply.contentType, body: joined(parts, length) };
}
