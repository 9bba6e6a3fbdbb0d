/** The command `manifest`: its options and its help. */

import { limitFields, trustFields } from "../archives/options.ts";
import { defineCommand } from "../command.ts";
import { archiveFile, file } from "../options/paths.ts";
import { oneOf, whole } from "../options/values.ts";
import { KINDS } from "./kinds.ts";
import { form } from "../options/form.ts";
import { message } from "../options/message.ts";
import { argument, option, unset } from "../options/option.ts";
import { text } from "../options/text.ts";

const line = form({
  image: unset(
    option("--image", text("IMAGE"), {
      description: message`The image that ${"aimodellib dockerfile"} describes.`,
    }),
    message`a line to edit`,
  ),
  name: unset(
    option("--name", text("NAME"), {
      description: message`The name of the resource, and of the model that it serves.`,
    }),
    message`the archive's name`,
  ),
  modelUri: unset(
    option("--model-uri", text("URI"), {
      description:
        message`Where the model is read from, or where training writes it: ${"pvc://CLAIM/FOLDER"}; for serving also ${"gs://BUCKET/FOLDER"} or ${"s3://BUCKET/FOLDER"}; for ${"kserve"} all that KServe fetches.`,
    }),
    message`the image; a claim with the resource's name for training`,
  ),
  replicas: unset(
    option("--replicas", whole("N", 1, 10_000), {
      description: message`The number of pods that serve, of ${"deployment"} and ${"kserve"}.`,
    }),
    message`1`,
  ),
  nodes: unset(
    option("--nodes", whole("N", 1, 10_000), {
      description: message`The number of pods that train together, of ${"trainjob"}.`,
    }),
    message`1`,
  ),
  shards: unset(
    option("--shards", whole("N", 1, 10_000), {
      description: message`Predict records in this number of parts, with ${"job"}.`,
    }),
    message`train`,
  ),
  gpu: unset(
    option("--gpu", whole("N", 1, 64), { description: message`The number of NVIDIA GPUs of each pod.` }),
    message`none`,
  ),
  output: unset(
    option("--output", "-o", file(), { description: message`The file to write.` }),
    message`standard output`,
  ),
  kind: argument(oneOf(KINDS, "kind"), {
    description:
      message`${"deployment"}: a Deployment and its Service. ${"kserve"}: an InferenceService. ${"job"}: a Job that trains or predicts. ${"trainjob"}: a TrainJob of Kubeflow Trainer, on several nodes.`,
  }),
  archive: argument(archiveFile(), { description: message`The Model Archive.` }),
  ...trustFields,
  ...limitFields,
});

/** Prints a Kubernetes manifest for a Model Archive. */
export const manifest = defineCommand({
  description:
    message`Prints YAML for the image that ${"aimodellib dockerfile"} describes. The pods are restricted: an unprivileged user, no capabilities, a read-only file system.`,
  examples: [
    {
      does: "Serve an archive on Kubernetes with two pods",
      line:
        "aimodellib manifest deployment --image registry.example.com/model:1 --replicas 2 model.tar.gz > model.yaml",
    },
    {
      does: "Train on two nodes with one GPU each, and save the model in the claim models",
      line: "aimodellib manifest trainjob --nodes 2 --gpu 1 --model-uri pvc://models/digits model.tar.gz",
    },
  ],
  form: line,
  async run(options, io) {
    const { runManifest } = await import("./action.ts");
    return await runManifest(options, io);
  },
});
