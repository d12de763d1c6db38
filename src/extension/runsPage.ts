/** Addresses the page is made of. */
export interface PageParts {
  readonly nonce: string;
  /** The webview's own origin. */
  readonly source: string;
  readonly script: string;
  readonly style: string;
}

/** The runs panel's HTML: a shell that allows its own script and style and nothing else. */
export function runsPage({ nonce, source, script, style }: PageParts): string {
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${source}; img-src ${source}; font-src ${source}`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${style}">
<title>Softprompt Runs</title>
</head>
<body>
<main id="app"></main>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>
`;
}
