/** Refuses requests of web pages that must not use this server: see `../browsers.ts`. */

import type { Browsers } from "../browsers.ts";
import type { Handle } from "../h1/mod.ts";
import type { Refusal } from "./refusal.ts";

/** Answers with `next` unless the request's Host, or the page that sent it, is not allowed. */
export function guard(browsers: Browsers, refuse: Refusal, next: Handle): Handle {
  return function guard(request) {
    const problem = browsers.refusal(request.head);
    return problem === undefined ? next(request) : refuse(request, problem);
  };
}
