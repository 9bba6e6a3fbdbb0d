/** HTTP: the application, and the server that listens for it. */

export { type AppOptions, createApp } from "./app.ts";
export { bind, bindUnix, type Bound, type ListenOptions } from "./bind.ts";
export { listen, type Server } from "./listen.ts";
export { Tokens } from "./tokens.ts";
