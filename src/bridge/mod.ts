/** The bridge: starts Python processes and speaks the protocol with them. */

export { type Assets, layOutAssets } from "./assets.ts";
export { demandPrivatePlace } from "./runtime_dir.ts";
export { Child, type ChildOptions, type OutputSink, type OutputSinks } from "./child.ts";
export { ANSWER_LIMIT_MS, type Finished, runChild } from "./run_child.ts";
export { Connection, type ConnectionHandlers } from "./connection.ts";
export { ignoredSignals } from "./ignored.ts";
export { RequestMemory } from "./request_memory.ts";
export { describeExit, type Exit, exitCodeOf, type StopSignal, TOO_OLD } from "./exit.ts";
export { type Frame, Kind, MAX_BODY_BYTES, MAX_METADATA_BYTES, metadataLength, parseMetadata } from "./frame.ts";
export type { Ledger, LedgerEntries } from "./ledger.ts";
export { type BridgeOptions, BridgeProcess, type ScriptOutput, type StartConfig, StartError } from "./process.ts";
export type { SharedBody } from "./shared_slots.ts";
export { Terminal, type TerminalSize } from "./terminal.ts";
