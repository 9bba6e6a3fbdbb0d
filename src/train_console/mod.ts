/** The console of a training, which `train --console` serves. */

export { type ConsoleAddress, TrainConsole } from "./server.ts";
