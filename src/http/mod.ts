/** HTTP: the application, and the server that listens for it. */

export { type AppOptions, createApp } from "./app.ts";
export { listen, type ListenOptions, type Server } from "./listen.ts";
export { Tokens } from "./tokens.ts";
