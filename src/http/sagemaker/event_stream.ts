/**
 * The encoding of SageMaker's streamed answers, `application/vnd.amazon.eventstream`:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html describes its messages.
 *
 * A message is a prelude (the length of the message, the length of its headers, and a CRC-32 of both), headers, a payload, and a CRC-32 of
 * everything before. Numbers are big-endian.
 */

import { crc32 } from "node:zlib";
import { joined } from "../../bytes.ts";
import type { Answer, Pieces } from "../h1/mod.ts";
import { problemFrom } from "../problem.ts";
import type { Invocations } from "../routes/invocations.ts";

const PRELUDE = 12;
const CHECKSUM = 4;

/** The longest payload of a message, in bytes. Clients take up to 24 MiB. */
const MAX_PAYLOAD = 2 ** 20;

/** Returns a handler whose answers are in the encoding that clients expect at a path. */
export function encoded(path: string, handler: Invocations): Invocations {
  return STREAM.test(path) ? async (request, read) => inEventStream(await handler(request, read)) : handler;
}

const STREAM = /^\/endpoints\/[^/]+\/invocations-response-stream$/;

/** Encodes the body of a successful answer as events that hold its parts. A stream that fails ends with an exception. */
function inEventStream(answer: Answer): Answer {
  const { status, headers, body } = answer;
  if (status !== 200) return answer;
  if (body instanceof ReadableStream) throw new TypeError("A model's answer is bytes or pieces, no ReadableStream");
  return {
    ...answer,
    headers: {
      ...headers,
      "content-type": "application/vnd.amazon.eventstream",
      "x-amzn-sagemaker-content-type": headers["content-type"] ?? "application/octet-stream",
    },
    body: body instanceof Uint8Array ? whole(body) : streamed(body),
  };
}

function whole(body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const messages = messagesOf(body);
  return joined(messages, messages.reduce((sum, { length }) => sum + length, 0));
}

function streamed(body: Pieces): Pieces {
  return {
    async next() {
      try {
        const { pieces, last } = await body.next();
        return { pieces: pieces.flatMap(messagesOf), last };
      } catch (error) {
        return { pieces: [exceptionOf(error)], last: true };
      }
    },
    sent: () => body.sent(),
    cancel: () => body.cancel(),
  };
}

function messagesOf(part: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] {
  return Array.from({ length: Math.ceil(part.length / MAX_PAYLOAD) }, (_, index) =>
    message({
      ":message-type": "event",
      ":event-type": "PayloadPart",
      ":content-type": "application/octet-stream",
    }, part.subarray(index * MAX_PAYLOAD, (index + 1) * MAX_PAYLOAD)));
}

function exceptionOf(error: unknown): Uint8Array<ArrayBuffer> {
  const { status, message: said } = problemFrom(error);
  const code = status === 504 ? "ModelInvocationTimeExceeded" : "StreamBroken";
  return message({
    ":message-type": "exception",
    ":exception-type": "ModelStreamError",
    ":content-type": "application/json",
  }, encoder.encode(JSON.stringify({ Message: said, ErrorCode: code })));
}

const encoder = new TextEncoder();

/** Encodes a message. @param headers strings, by names of up to 255 bytes */
function message(headers: Readonly<Record<string, string>>, payload: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const fields = Object.entries(headers).map((field) => field.map((text) => encoder.encode(text)));
  // The length of the name, the type, and the length of the value.
  const length = fields.reduce((sum, [name, value]) => sum + 1 + name!.length + 1 + 2 + value!.length, 0);
  const bytes = new Uint8Array(PRELUDE + length + payload.length + CHECKSUM);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length);
  view.setUint32(4, length);
  view.setUint32(8, crc32(bytes.subarray(0, 8)));
  let at = PRELUDE;
  for (const [name, value] of fields) {
    bytes[at] = name!.length;
    bytes.set(name!, at + 1);
    at += 1 + name!.length;
    bytes[at] = STRING;
    view.setUint16(at + 1, value!.length);
    bytes.set(value!, at + 3);
    at += 3 + value!.length;
  }
  bytes.set(payload, at);
  view.setUint32(bytes.length - CHECKSUM, crc32(bytes.subarray(0, bytes.length - CHECKSUM)));
  return bytes;
}

/** The type of a header's value. */
const STRING = 7;
