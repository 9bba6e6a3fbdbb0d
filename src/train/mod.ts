/** Runs a training, with TensorBoard beside it. */

export { train, type TrainConfig, type TrainContext, type TrainOutcome } from "./run.ts";
export { TensorBoard, type TensorBoardOptions } from "./tensorboard.ts";
