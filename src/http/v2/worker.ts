/** A thread that reads large requests and writes large answers, which would block the main thread. */

import { buffersOf, respond, type WorkRequest, type WorkResponse } from "./work.ts";

interface Thread {
  onmessage: (event: MessageEvent<WorkRequest>) => void;
  postMessage(message: WorkResponse, transfer: Transferable[]): void;
}

const thread = globalThis as unknown as Thread;

thread.onmessage = ({ data }) => {
  const response = respond(data);
  const bodies = response.kind !== "done" ? [] : "calls" in response.value ? response.value.calls : [response.value];
  thread.postMessage(response, buffersOf(bodies));
};
