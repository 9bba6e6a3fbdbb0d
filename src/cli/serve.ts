/** `aimodellib serve` */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { defineCommand } from "./command.ts";
import { list, python, seconds, size } from "./options.ts";

const port = () => integer({ min: 0, max: 65535, metavar: "PORT" });

const parser = object("Options", {
  python: python(),
  host: withDefault(
    option("--host", string({ metavar: "ADDRESS" }), {
      description: message`The address to listen on; ${"0.0.0.0"} for all.`,
    }),
    "127.0.0.1",
  ),
  portOption: optional(
    option("--port", port(), { description: message`The port to listen on; 0 takes one that is free. [8080]` }),
  ),
  maxBody: withDefault(
    option("--max-body", size(), { description: message`The longest body of a request.` }),
    100 * 2 ** 20,
  ),
  uriListHosts: withDefault(
    option("--allow-uri-list", list("HOST,..."), {
      description: message`Hosts that a ${"text/uri-list"} body may name as input and output.`,
    }),
    [],
  ),
  drainTimeoutMs: withDefault(
    option("--drain-timeout", seconds(), {
      description: message`How long requests in flight may take to finish after SIGTERM.`,
    }),
    30_000,
  ),
  module: argument(string({ metavar: "inference_module" }), {
    description: message`The folder with the serving script and the source files that it imports.`,
  }),
  script: argument(string({ metavar: "inference_script" }), {
    description: message`The path of the script from that folder.`,
  }),
  modelDir: argument(string({ metavar: "model_dir" }), {
    description: message`The folder to read artifacts from.`,
  }),
  port: optional(argument(integer({ min: 0, max: 65535, metavar: "port" }), {
    description: message`The same as --port.`,
  })),
});

/** Serves a model over HTTP. */
export const serve = defineCommand({
  name: "serve",
  brief: message`Serve a model over HTTP.`,
  description:
    message`Answers POST /invocations with the functions of a script, and GET /ping when the model is loaded.`,
  parser,
  async run(options, io) {
    const { runServing } = await import("./run_serve.ts");
    return await runServing(options, io);
  },
});
