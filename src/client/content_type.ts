/** Finds the content type of a file by its name. */

/** Content types by the suffix of a name, without its dot. */
const TYPES: Readonly<Record<string, string>> = {
  json: "application/json",
  jsonl: "application/jsonl",
  ndjson: "application/x-ndjson",
  csv: "text/csv",
  tsv: "text/tab-separated-values",
  txt: "text/plain",
  md: "text/markdown",
  html: "text/html",
  xml: "application/xml",
  npy: "application/x-npy",
  npz: "application/x-npz",
  parquet: "application/vnd.apache.parquet",
  arrow: "application/vnd.apache.arrow.file",
  feather: "application/vnd.apache.arrow.file",
  arrows: "application/vnd.apache.arrow.stream",
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  bmp: "image/bmp",
  tif: "image/tiff",
  tiff: "image/tiff",
  svg: "image/svg+xml",
  avif: "image/avif",
  wav: "audio/wav",
  mp3: "audio/mpeg",
  flac: "audio/flac",
  ogg: "audio/ogg",
  m4a: "audio/mp4",
  mp4: "video/mp4",
  webm: "video/webm",
  pdf: "application/pdf",
};

/** Returns the content type for a name, whose final `.gz` is ignored; `application/octet-stream` if the suffix is unknown. */
export function contentTypeOf(name: string): string {
  return TYPES[suffixOf(name)] ?? "application/octet-stream";
}

/** The suffix of a name in lower case, without its dot, before `.gz`; empty if the name has no suffix. */
export function suffixOf(name: string): string {
  const last = name.slice(name.lastIndexOf("/") + 1).replace(/\.gz$/i, "");
  return /[^.]\.([^.]+)$/.exec(last)?.[1]?.toLowerCase() ?? "";
}

/** Whether content of this type is JSON. */
export function isJson(contentType: string): boolean {
  return /^[^;]*[/+]json\s*(;|$)/i.test(contentType);
}
