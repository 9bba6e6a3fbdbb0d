/** All commands. Each is loaded when it is run or described, which keeps the start of the others short. */

import type { Listed } from "./command.ts";

/** All commands, in the order in which help lists them. */
export const COMMANDS: readonly Listed[] = [
  {
    name: "init",
    brief: "Create the files of a new model.",
    load: async () => (await import("./init/command.ts")).init,
  },
  { name: "train", brief: "Train a model.", load: async () => (await import("./train/command.ts")).train },
  { name: "serve", brief: "Serve a model over HTTP.", load: async () => (await import("./serve/command.ts")).serve },
  {
    name: "predict",
    brief: "Predict files or many records, without a server.",
    load: async () => (await import("./predict/command.ts")).predict,
  },
  {
    name: "bench",
    brief: "Measure the throughput and latency of a server.",
    load: async () => (await import("./bench/command.ts")).bench,
  },
  {
    name: "package",
    brief: "Make a Model Archive.",
    load: async () => (await import("./package/command.ts")).packageCommand,
  },
  {
    name: "inspect",
    brief: "Show the content of a Model Archive.",
    load: async () => (await import("./inspect/command.ts")).inspect,
  },
  { name: "verify", brief: "Check a Model Archive.", load: async () => (await import("./verify/command.ts")).verify },
  { name: "unpack", brief: "Unpack a Model Archive.", load: async () => (await import("./unpack/command.ts")).unpack },
  {
    name: "keygen",
    brief: "Generate a key pair for signing Model Archives.",
    load: async () => (await import("./keygen/command.ts")).keygen,
  },
  { name: "sign", brief: "Sign a Model Archive.", load: async () => (await import("./sign/command.ts")).sign },
  {
    name: "dockerfile",
    brief: "Print a Dockerfile for a Model Archive.",
    load: async () => (await import("./dockerfile/command.ts")).dockerfile,
  },
  {
    name: "image",
    brief: "Write a container image for a Model Archive, without Docker.",
    load: async () => (await import("./image/command.ts")).image,
  },
  {
    name: "manifest",
    brief: "Print a Kubernetes manifest for a Model Archive.",
    load: async () => (await import("./manifest/command.ts")).manifest,
  },
  {
    name: "cache",
    brief: "List or remove cached archives and environments.",
    load: async () => (await import("./cache/command.ts")).cache,
  },
  {
    name: "doctor",
    brief: "Check this machine for problems.",
    load: async () => (await import("./doctor/command.ts")).doctor,
  },
  {
    name: "completion",
    brief: "Print a completion script for a shell.",
    load: async () => (await import("./completion/command.ts")).completion,
  },
  { name: "help", brief: "Describe a command.", load: async () => (await import("./help/command.ts")).help },
];
