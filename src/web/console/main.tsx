/** The console's script: shows the application, and keeps asking the server what it serves. */

import { render } from "hono/jsx/dom";
import { App } from "./app.tsx";
import { followEvents } from "./live.ts";
import { followFacts } from "./server.ts";

render(<App />, document.getElementById("app")!);
followFacts();
void followEvents();
