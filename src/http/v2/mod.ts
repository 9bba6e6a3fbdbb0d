/** The Open Inference Protocol V2 without HTTP and workers: it turns requests into calls of a script, and results into answers. */

export { type Call, type Calls, callsOf } from "./calls.ts";
export { type InferRequest, parseInferRequest } from "./request.ts";
export { DATATYPES } from "./datatype.ts";
export { type Asked, type Encoded, encodeInferResponse } from "./response.ts";
export type { Result } from "./results.ts";
export type { Signature, TensorSpec } from "./model_metadata.ts";
export { Transcoder } from "./transcoder.ts";
