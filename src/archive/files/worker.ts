/** The main program of a thread that writes batches of small files. */

import { reasonOf } from "../../errors.ts";
import type { BatchRequest, BatchResult } from "./batches.ts";
import { BatchWriter, FileError } from "./write_batch.ts";

interface Thread {
  onmessage: (event: MessageEvent<BatchRequest>) => void;
  postMessage(message: BatchResult): void;
}

const thread = globalThis as unknown as Thread;

let writer: BatchWriter | undefined;

thread.onmessage = ({ data: { root, bytes, waiting } }) => {
  try {
    writer ??= new BatchWriter(root);
    writer.write(bytes, bytes.length);
    thread.postMessage({});
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    thread.postMessage({ failure: { path: error.path, reason: reasonOf(error.cause) } });
  } finally {
    Atomics.sub(waiting, 0, 1);
  }
};
