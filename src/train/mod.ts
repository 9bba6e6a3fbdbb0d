/** Training runs. */

export { type StopSignal, train, type TrainConfig, type TrainContext, type TrainOutcome } from "./run.ts";
export { TensorBoard, type TensorBoardOptions } from "./tensorboard.ts";
export { type RunRecord, RunRecorder } from "../cli/run/record.ts";
