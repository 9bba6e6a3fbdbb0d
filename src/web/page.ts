/** The HTML document of the console. It contains nothing about the server: its script requests everything, with a token if the server requires one. */

/** Hashes of the files that the page loads, which make their URLs change with their content. */
export interface PageAssets {
  readonly script: string;
  readonly style: string;
}

/** The policy of what the page may load and do: https://www.w3.org/TR/CSP3/. A document in a frame has the same policy. */
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

/** The same for the page at `/docs`. Swagger UI has pictures in its style sheet, as data: URLs. */
const DOCS_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The headers of the page. It is never cached, since it names the newest files. */
export const pageHeaders: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "cache-control": "no-store",
};

/**
 * Makes the document. All URLs are relative: the server may be behind a path of a proxy.
 *
 * @param name the script that shows the page
 */
export function renderPage({ script, style }: PageAssets, name: "app.js" | "train.js" = "app.js"): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>aimodellib</title>
<link rel="icon" href="console/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="console/app.css?v=${style}">
<script type="module" src="console/${name}?v=${script}"></script>
</head>
<body>
<div id="app"><noscript>This page needs JavaScript.${
    name === "app.js" ? " The model answers POST requests without it." : ""
  }</noscript></div>
</body>
</html>
`;
}

/** The headers of the page at `/docs`. */
export const docsHeaders: Readonly<Record<string, string>> = { ...pageHeaders, "content-security-policy": DOCS_POLICY };

/** Hashes of the files that the page at `/docs` loads. */
export interface DocsAssets {
  readonly script: string;
  readonly swagger: string;
  readonly swaggerStyle: string;
  readonly style: string;
}

/** Makes the document at `/docs`, which shows `openapi.json`. All URLs are relative here as well. */
export function renderDocs({ script, swagger, swaggerStyle, style }: DocsAssets): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API – aimodellib</title>
<link rel="icon" href="console/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="console/swagger-ui.css?v=${swaggerStyle}">
<link rel="stylesheet" href="console/docs.css?v=${style}">
<script defer src="console/swagger-ui-bundle.js?v=${swagger}"></script>
<script defer src="console/docs.js?v=${script}"></script>
</head>
<body>
<main id="docs"><noscript>This page needs JavaScript. It shows <a href="openapi.json">openapi.json</a>.</noscript></main>
</body>
</html>
`;
}
