import assert from "node:assert/strict";
import { loadAsset, pageHeaders, renderPage } from "../../../src/web/mod.ts";

const PAGE = renderPage({ script: "aa", style: "bb" });

Deno.test("renderPage() loads its files by relative URLs that have their hash", () => {
  const urls = [...PAGE.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, url]) => url);
  assert.deepEqual(urls, ["console/icon.svg", "console/app.css?v=bb", "console/app.js?v=aa"]);
});

Deno.test("renderPage() has no script and no style in the document, which the policy would refuse", () => {
  assert.doesNotMatch(PAGE, /<style|style=|\son\w+=|<script[^>]*>[^<]/);
  const policy = pageHeaders["content-security-policy"]!;
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; /);
  assert.ok(!policy.includes("unsafe"), policy);
});

Deno.test("loadAsset() makes the script and the style sheet from the sources, and compresses them", async () => {
  for (const name of ["app.js", "app.css", "icon.svg"] as const) {
    const asset = await loadAsset(name);
    assert.match(asset.hash, /^[0-9a-f]{16}$/);
    const stream = new Blob([asset.gzip]).stream().pipeThrough(new DecompressionStream("gzip"));
    assert.deepEqual(await new Response(stream).bytes(), asset.bytes);
    assert.ok(asset.bytes.length > 100 && asset.gzip.length < asset.bytes.length, name);
    assert.equal(await loadAsset(name), asset, "it is read once");
  }
});
