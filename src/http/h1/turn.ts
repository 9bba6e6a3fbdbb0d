/** The clock of a connection: a client has a limited time to send a request, and to read an answer. */

/** Measures how long a connection has been waiting for its client. */
export class ClientTurn {
  /** When the wait for the client began, in ms of `performance.now()`; 0 if nothing waits for the client. */
  since = performance.now();
  /** How many bytes the client had sent at that time. */
  receivedBefore = 0;
  /** When the last wait for the client began, in ms of `performance.now()`. */
  usedAt = this.since;

  /** Starts the read timeout, unless the clock already runs. @param received how many bytes the client has sent until now */
  waitToReceive(received: number): void {
    if (this.since !== 0) return;
    this.since = performance.now();
    this.receivedBefore = received;
  }

  /** Starts, or restarts, the write timeout. Bytes that the client sends in the meantime do not extend it. */
  waitToSend(): void {
    this.since = performance.now();
    this.receivedBefore = Infinity;
  }

  /** Stops the clock: we are no longer waiting for the client. */
  end(): void {
    if (this.since === 0) return;
    this.usedAt = this.since;
    this.since = 0;
  }
}
