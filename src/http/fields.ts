/** Finds the header fields that the application uses, in one pass over a request. */

import type { Head } from "./h1/mod.ts";

/** Header values as in `Headers.get()`: null if the header is absent, several values joined by `, `. */
export type Fields = Readonly<FoundFields>;

interface FoundFields {
  contentType: string | null;
  accept: string | null;
  contentEncoding: string | null;
  inferenceHeaderLength: string | null;
  requestId: string | null;
  traceparent: string | null;
  tracestate: string | null;
  customAttributes: string | null;
  prefer: string | null;
}

const FIELDS = Symbol("fields");
/** A head that caches its fields: a connection shares one Head object among equal requests. */
type KeptHead = Pick<Head, "fields"> & { [FIELDS]?: Fields };

/** Returns the header fields that the application uses; the head caches them. */
export function fieldsOfHead(head: KeptHead): Fields {
  return head[FIELDS] ??= fieldsOf(head.fields);
}

/**
 * Finds the header fields that the application uses.
 *
 * @param list names (in lower case) and values, alternating
 */
export function fieldsOf(list: readonly string[]): Fields {
  const fields: FoundFields = {
    contentType: null,
    accept: null,
    contentEncoding: null,
    inferenceHeaderLength: null,
    requestId: null,
    traceparent: null,
    tracestate: null,
    customAttributes: null,
    prefer: null,
  };
  for (let i = 0; i < list.length; i += 2) {
    const value = list[i + 1]!;
    switch (list[i]) {
      case "content-type":
        fields.contentType = joined(fields.contentType, value);
        break;
      case "accept":
        fields.accept = joined(fields.accept, value);
        break;
      case "content-encoding":
        fields.contentEncoding = joined(fields.contentEncoding, value);
        break;
      case "inference-header-content-length":
        fields.inferenceHeaderLength = joined(fields.inferenceHeaderLength, value);
        break;
      case "x-request-id":
        fields.requestId = joined(fields.requestId, value);
        break;
      case "traceparent":
        fields.traceparent = joined(fields.traceparent, value);
        break;
      case "tracestate":
        fields.tracestate = joined(fields.tracestate, value);
        break;
      case "x-amzn-sagemaker-custom-attributes":
        fields.customAttributes = joined(fields.customAttributes, value);
        break;
      case "prefer":
        fields.prefer = joined(fields.prefer, value);
        break;
    }
  }
  return fields;
}

/** Returns the value of one field, as `Headers.get()` does. @param list names (in lower case) and values, alternating */
export function fieldOf(list: readonly string[], name: string): string | null {
  let value: string | null = null;
  for (let i = 0; i < list.length; i += 2) if (list[i] === name) value = joined(value, list[i + 1]!);
  return value;
}

function joined(before: string | null, value: string): string {
  return before === null ? value : `${before}, ${value}`;
}
