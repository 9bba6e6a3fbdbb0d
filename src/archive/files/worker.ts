/** The main program of a thread that writes batches of small files until their queue is closed. */

import { reasonOf } from "../../errors.ts";
import type { ThreadRequest, ThreadResult } from "./batches.ts";
import { BatchQueue } from "./queue.ts";
import { BatchWriter, FileError } from "./write_batch.ts";

interface Thread {
  onmessage: (event: MessageEvent<ThreadRequest>) => void;
  postMessage(message: ThreadResult): void;
}

const thread = globalThis as unknown as Thread;

thread.onmessage = ({ data: { root, shared } }) => {
  const queue = new BatchQueue(shared);
  using writer = new BatchWriter(root);
  try {
    while (queue.wait()) queue.writeNext(writer);
    thread.postMessage({});
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    thread.postMessage({ failure: { path: error.path, reason: reasonOf(error.cause) } });
  }
};
