/** HTTP/1.1 on sockets: turns the bytes of a connection into requests, and answers into bytes. */

export {
  type Answer,
  CLIENT_LEFT,
  type Ending,
  isHeaderValue,
  type Pieces,
  type PiecesReady,
  reasonPhrase,
} from "./answer.ts";
export { tooLarge } from "./body.ts";
export type { Head } from "./head.ts";
export type { Incoming, Lend } from "./request.ts";
export type { AnswerError, Handle, Refuse, UnreadableRequest, WholeAnswer } from "./connection.ts";
export { HttpError, type Limit } from "./error.ts";
export { HttpServer, type HttpServerOptions, type Listener } from "./server.ts";
