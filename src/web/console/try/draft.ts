/** The request that the visitor prepares. */

import type { ConsoleModel } from "../../served.ts";
import { contentTypeOf, isJson } from "../../../client/content_type.ts";
import { requestGood, sampleUrl } from "../api.ts";
import { Store } from "../store.ts";

/** How the body is made. */
export type Kind = "form" | "json" | "text" | "file" | "picture";

/** A body of bytes with a name: a chosen file, or a picture. */
export interface Picked {
  readonly name: string;
  readonly blob: Blob;
}

/** A request before it is sent. Each kind of body is kept while another one is shown. */
export interface Draft {
  readonly kind: Kind;
  /** The body of the kinds `json` and `form`, as text. */
  readonly json: string;
  readonly text: string;
  readonly file: Picked | undefined;
  readonly picture: Picked | undefined;
  readonly contentType: string;
  readonly accept: string;
  /** Whether it goes to the model's route of the Open Inference Protocol. */
  readonly v2: boolean;
  /** Why the last sample or file can't be used; empty if it can. */
  readonly fault: string;
}

/** The types that a kind of body has unless the visitor types another one. */
const USUAL: Readonly<Record<"form" | "json" | "text", string>> = {
  form: "application/json",
  json: "application/json",
  text: "text/plain",
};

/** Texts longer than this, in bytes, are sent as a file: an editor of such a text would be slow. */
const MAX_EDITED = 512 * 1024;

const EMPTY: Draft = {
  kind: "json",
  json: "",
  text: "",
  file: undefined,
  picture: undefined,
  contentType: USUAL.json,
  accept: "*/*",
  v2: false,
  fault: "",
};

/** The current draft; components change it with `patch`, or with the functions of this module. */
export const draft: Store<Draft> = new Store<Draft>(EMPTY);

/** Returns the body to send. */
export function bodyOf({ kind, json, text, file, picture }: Draft): Blob {
  switch (kind) {
    case "form":
    case "json":
      return new Blob([json]);
    case "text":
      return new Blob([text]);
    case "file":
      return file?.blob ?? new Blob();
    case "picture":
      return picture?.blob ?? new Blob();
  }
}

/** The name of the file to send; undefined if the body was typed. */
export function nameOf({ kind, file, picture }: Draft): string | undefined {
  return kind === "file" ? file?.name : kind === "picture" ? picture?.name : undefined;
}

/** The path that a draft goes to, relative to the page. */
export function pathOf({ v2 }: Draft, { name, path }: ConsoleModel): string {
  return v2 ? `v2/models/${name}/infer` : path;
}

/** Shows another kind of body, with the content type that fits it. */
export function chooseKind(kind: Kind): void {
  const { file, picture, kind: before, contentType } = draft.value;
  if (kind === before) return;
  draft.patch({ kind, fault: "", contentType: typeFor(kind, kind === "file" ? file : picture) ?? contentType });
}

function typeFor(kind: Kind, picked: Picked | undefined): string | undefined {
  return kind === "file" || kind === "picture" ? picked && typeOf(picked) : USUAL[kind];
}

/** The content type of a file: what the browser says of it, else what its name says. */
export function typeOf({ name, blob }: Picked): string {
  const byName = contentTypeOf(name);
  return byName === "application/octet-stream" && blob.type !== "" ? blob.type : byName;
}

/** Takes a file as the body. */
export function takeFile(blob: Blob, name: string): void {
  const file = { name, blob };
  draft.patch({ kind: "file", file, contentType: typeOf(file), v2: false, fault: "" });
}

/** Takes a picture as the body. */
export function takePicture(blob: Blob, name: string): void {
  const picture = { name, blob };
  draft.patch({ kind: "picture", picture, contentType: typeOf(picture), v2: false, fault: "" });
}

/** Takes bytes as the body: in an editor if they are text of a moderate size, else as a file. */
export async function takeBytes(blob: Blob, name: string, contentType: string): Promise<void> {
  const text = blob.size <= MAX_EDITED && isText(contentType) ? await textOf(blob) : undefined;
  if (text === undefined) {
    draft.patch({ kind: "file", file: { name, blob }, contentType, v2: false, fault: "" });
  } else if (isJson(contentType)) {
    draft.patch({ kind: "json", json: text, contentType, v2: false, fault: "" });
  } else {
    draft.patch({ kind: "text", text, contentType, v2: false, fault: "" });
  }
}

/** Loads a sample of a model, if it can be read. */
export async function takeSample(model: ConsoleModel, name: string): Promise<void> {
  try {
    const response = await requestGood(sampleUrl(model.name, name));
    await takeBytes(await response.blob(), name.slice(name.lastIndexOf("/") + 1), contentTypeOf(name));
  } catch (error) {
    draft.patch({ fault: `The sample can't be loaded: ${error instanceof Error ? error.message : error}` });
  }
}

/** Starts again with an empty draft, for another model. */
export function clearDraft(): void {
  draft.set(EMPTY);
}

/** Whether content of this type is text. */
export function isText(contentType: string): boolean {
  return /^text\/|^application\/([^;]*\+)?(json|xml|yaml|jsonl|x-ndjson|javascript)\s*(;|$)/i.test(contentType);
}

/** The text of a blob; undefined if it is not UTF-8. */
async function textOf(blob: Blob): Promise<string | undefined> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await blob.arrayBuffer());
  } catch {
    return undefined;
  }
}
