/** The HTML document of the console. It says nothing about the server: its script asks for everything, with a token if there are tokens. */

/** Hashes of the files that the page loads, which make their URLs change with their content. */
export interface PageAssets {
  readonly script: string;
  readonly style: string;
}

/** What the page may load and do: https://www.w3.org/TR/CSP3/. A document in a frame has the same policy. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data: blob:",
  "media-src blob:",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types answer",
].join("; ");

/** The headers of the page. It is never cached, since it names the newest files. */
export const pageHeaders: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "cache-control": "no-store",
};

/** Makes the document. All URLs are relative: the server may be behind a path of a proxy. */
export function renderPage({ script, style }: PageAssets): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>aimodellib</title>
<link rel="icon" href="console/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="console/app.css?v=${style}">
<script type="module" src="console/app.js?v=${script}"></script>
</head>
<body>
<div id="app"><noscript>This page needs JavaScript. The model answers POST requests without it.</noscript></div>
</body>
</html>
`;
}
