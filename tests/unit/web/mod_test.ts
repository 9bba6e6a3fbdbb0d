import assert from "node:assert/strict";
import { renderHome } from "../../../src/web/mod.ts";

const PROPS = { title: "serve.py", paths: ["/invocations"], state: "ready", version: "1.2.3" };

/** What is between the tags of the one element of that name. */
function contentOf(html: string, name: string): string {
  const found = [...html.matchAll(new RegExp(`<${name}[^>]*>([\\s\\S]*?)</${name}>`, "g"))];
  assert.equal(found.length, 1, `There are ${found.length} ${name} elements`);
  return found[0]![1]!;
}

async function hashOf(content: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(content));
  return `'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}'`;
}

Deno.test("renderHome() sends a policy that allows only the page's own style and script", async () => {
  const { html, contentSecurityPolicy } = await renderHome(PROPS);
  const policy = new Map(
    contentSecurityPolicy.split("; ").map((part) => {
      const [name = "", ...sources] = part.split(" ");
      return [name, sources.join(" ")];
    }),
  );
  assert.equal(policy.get("default-src"), "'none'");
  assert.equal(policy.get("style-src"), await hashOf(contentOf(html, "style")));
  assert.equal(policy.get("script-src"), await hashOf(contentOf(html, "script")));
  assert.equal(policy.get("connect-src"), "'self'");
  assert.equal(policy.get("frame-ancestors"), "'none'");
  assert.ok(!contentSecurityPolicy.includes("unsafe"));
});

Deno.test("renderHome() refers to no other server", async () => {
  const { html } = await renderHome(PROPS);
  assert.doesNotMatch(html, /https?:\/\/|\ssrc=|<link|@import|url\(/);
});

Deno.test("renderHome() escapes markup in its values", async () => {
  const { html } = await renderHome({ ...PROPS, title: `<img src=x onerror="alert('1')">&.py` });
  assert.ok(!html.includes("<img"));
  assert.ok(html.includes("&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;.py"));
});

Deno.test("renderHome() contains the elements that its script looks up", async () => {
  const { html } = await renderHome(PROPS);
  const used = new Set([...contentOf(html, "script").matchAll(/\b(?:at|valueOf)\("([^"]+)"/g)].map(([, id]) => id));
  assert.ok(used.size > 5);
  for (const id of used) assert.ok(html.includes(` id="${id}"`), id);
});
