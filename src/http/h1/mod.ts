/** HTTP/1.1 on sockets: what is between the bytes of a connection and a request with its answer. */

export { type Answer, CLIENT_LEFT, type Ending, isHeaderValue, reasonPhrase } from "./answer.ts";
export { tooLarge } from "./body.ts";
export type { Head } from "./head.ts";
export type { Incoming } from "./request.ts";
export type { Handle, Refuse, UnreadableRequest } from "./connection.ts";
export { HttpServer, type HttpServerOptions, type Listener } from "./server.ts";
