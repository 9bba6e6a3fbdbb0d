/** What the server sends to the console. The page in the browser uses these types as well, so nothing here may depend on Deno. */

import type { ModelFacts } from "../supervisor/model_facts.ts";

/** The answer of `GET console/models`: what is served. */
export interface Served {
  /** The version of aimodellib. */
  readonly version: string;
  readonly models: readonly ConsoleModel[];
}

/** A served model, as the console shows it. */
export interface ConsoleModel {
  readonly name: string;
  /** A state of the supervisor's `Model`, such as `ready`. */
  readonly state: string;
  /** The path for requests, relative to the page. */
  readonly path: string;
  readonly facts: ModelFacts | Record<string, never>;
  /** Files of the module that can be sent as they are. */
  readonly samples: readonly Sample[];
  /** Whether the module has a `schema.json`. */
  readonly schema: boolean;
  /** The tensors that the script describes; absent if it describes none. */
  readonly tensors?: unknown;
}

/** A file of a module that can be sent to its model. */
export interface Sample {
  /** Its path relative to the module: `sample.json`, or `samples/cat.png`. */
  readonly name: string;
  /** Its size in bytes. */
  readonly size: number;
  /** Its content type, from its name. */
  readonly type: string;
}
