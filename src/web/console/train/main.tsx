/** The script of the console of a training. */

import { render } from "hono/jsx/dom";
import { TrainApp } from "./app.tsx";
import { followTraining } from "./live.ts";

render(<TrainApp />, document.getElementById("app")!);
void followTraining();
