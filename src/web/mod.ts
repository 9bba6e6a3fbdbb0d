/** The console: the page at `/`, and the files that it loads. */

export { loadAsset } from "./assets.ts";
export type { Asset, AssetName } from "./assets.ts";
export type { ConsoleModel, Sample, Served } from "./served.ts";
export { docsHeaders, pageHeaders, renderDocs, renderPage } from "./page.ts";
