import assert from "node:assert/strict";
import { credentialHider, hideCredentials } from "../../src/credentials.ts";

const HIDDEN: readonly (readonly [text: string, shown: string])[] = [
  ["--extra-index-url https://bot:S3cret@h.example/simple", "--extra-index-url https://****@h.example/simple"],
  ["--index-url=https://token@h/simple", "--index-url=https://****@h/simple"],
  ["PIP_INDEX_URL=https://u:p@h/simple", "PIP_INDEX_URL=https://****@h/simple"],
  ["x @ git+https://token@h/x.git@v1#egg=x", "x @ git+https://****@h/x.git@v1#egg=x"],
  ["git+ssh://git@h/a/b@main", "git+ssh://****@h/a/b@main"],
  ["gs://token@bucket/x and s3://AK:SK@bucket/y", "gs://****@bucket/x and s3://****@bucket/y"],
  ["redis://:p@h:6379/0", "redis://****@h:6379/0"],
  // An @, a colon, a quote or an escape in it.
  ["https://me@corp.example:p@ss:w@h/x", "https://****@h/x"],
  ["'https://it's:o'k@h/', 'me@x.example'", "'https://****@h/', 'me@x.example'"],
  ["https://u:p%40ss%2Fw@h", "https://****@h"],
  // Characters that should have been escaped.
  ["https://u:pa/ss@h/simple", "https://****@h/simple"],
  ["https://u:pa#s?s@h/simple", "https://****@h/simple"],
  // Slashes whose number clients ignore, and escapes of JSON and of URLs.
  ["https:/u:p@h and https:///u:p@h", "https:/****@h and https:///****@h"],
  ['{"url":"https:\\/\\/u:p@h"}', '{"url":"https:\\/\\/****@h"}'],
  ["https://h/?next=https%3A%2F%2Fu%3Ap%40h%2Fx", "https://h/?next=https%3A%2F%2F****%40h%2Fx"],
  ["https://h/?next=https://u:p@i/x", "https://h/?next=https://****@i/x"],
  // Without a scheme.
  ["//u:p@h/x", "//****@h/x"],
  ["--proxy u:p@proxy.example", "--proxy ****@proxy.example"],
  ["HTTPS_PROXY=u:p@10.0.0.1", "HTTPS_PROXY=****@10.0.0.1"],
  ["u:p@proxy.example:3128 u:p@[::1]:3128", "****@proxy.example:3128 ****@[::1]:3128"],
  ["u:p@h.example/simple", "****@h.example/simple"],
  // Signed URLs.
  ["https://h/x?X-Amz-Signature=abc&part=1", "https://h/x?X-Amz-Signature=****&part=1"],
  ["https://h/x?sv=1&sig=abc%3D", "https://h/x?sv=1&sig=****"],
  ["https://h/x?private_token=abc#y", "https://h/x?private_token=****#y"],
];

for (const [text, shown] of HIDDEN) {
  Deno.test(`hideCredentials() hides the secret in ${text}`, () => {
    assert.equal(hideCredentials(text), shown);
    assert.equal(hideCredentials(shown), shown, "a second time changes nothing");
  });
}

const LEFT = [
  "me@example.com, <me@example.com>, mailto:me@example.com and ERROR:me@example.com",
  "pkg @ https://h/x.whl",
  "pkg @ file:///a:b@c/x.whl",
  "https://h:8080/pkg@1.0, http://[::1]:80/a@b and http://HOST:PORT/x@y",
  "https://h:443, me@example.com",
  "['https://h','me@example.com']",
  '{"url":"https://h","mail":"me@example.com"}',
  "pytorch/pytorch:2.1@sha256:0123456789ab and docker://image:tag@sha256:0123",
  "npm:react@18.2.0/jsx",
  "/tmp//a:b@c/d",
  "https://@h/x",
  // These show which variables are needed.
  "https://${INDEX_USER}:${INDEX_PASSWORD}@h/simple",
  "https://h/x?page=2&tokens=3",
];

for (const text of LEFT) {
  Deno.test(`hideCredentials() does not change ${text}`, () => assert.equal(hideCredentials(text), text));
}

Deno.test("hideCredentials() is fast for long texts that almost match", () => {
  for (const piece of ["://", "a:", "a:a,", "proxy ", "%3A%2F%2F", "https://a:b", "?token="]) {
    const text = `${piece.repeat(20_000)} x@y`;
    assert.ok(hideCredentials(text).endsWith(" x@y"));
  }
});

Deno.test("credentialHider() hides a user part that arrives in pieces", () => {
  const text = "a https://bot:S3cret@h/x\rb http://c\nlast https://u:p@h";
  for (let size = 1; size < text.length; size++) {
    const hide = credentialHider();
    let shown = "";
    for (let at = 0; at < text.length; at += size) shown += hide(text.slice(at, at + size));
    assert.equal(shown + hide.rest(), "a https://****@h/x\rb http://c\nlast https://****@h");
  }
});

Deno.test("credentialHider() buffers at most one long line", () => {
  const hide = credentialHider();
  const shown = hide("x ".repeat(100_000)) + hide("https://u:") + hide(`p@h ${"y".repeat(70_000)}`);
  assert.ok(shown.length > 199_000);
  assert.equal(shown + hide.rest(), `${"x ".repeat(100_000)}https://****@h ${"y".repeat(70_000)}`);
});
