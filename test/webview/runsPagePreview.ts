import { resolve } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import type { HostMessage, PageMessage } from '../../src/extension/runsMessages.ts';
import { runsPage } from '../../src/extension/runsPage.ts';
import { type ThemeName, themes } from './themes.ts';

const root = resolve(import.meta.dirname, '../..');
const origin = 'http://panel.test';

/** The runs panel's page in a plain browser, under the policy it has in VS Code, with a stand-in for the extension. */
export interface Preview {
  readonly page: Page;
  /** What the page has sent so far. */
  readonly sent: PageMessage[];
  /** Whatever the browser complained about: errors, violations of the policy. */
  readonly complaints: string[];
  post(message: HostMessage): Promise<void>;
  setTheme(theme: ThemeName): Promise<void>;
}

/** Opens the page; `kept` is the state that a page before it left behind. */
export async function openPreview(browser: Browser, theme: ThemeName, kept: unknown = undefined): Promise<Preview> {
  const files = await bundle();
  const page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
  const sent: PageMessage[] = [];
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  await page.route(`${origin}/**`, (route) => {
    const file = files.get(new URL(route.request().url()).pathname);
    return file === undefined ? route.fulfill({ status: 204 }) : route.fulfill(file);
  });
  await page.exposeFunction('sendToHost', (message: PageMessage) => sent.push(message));
  await page.addInitScript((state) => {
    let current = state;
    Object.assign(window, {
      acquireVsCodeApi: () => ({
        postMessage: (message: unknown) => Reflect.get(window, 'sendToHost')(message),
        getState: () => current,
        setState: (next: unknown) => {
          current = next;
          Object.assign(window, { keptState: next });
        },
      }),
    });
  }, kept);
  await page.goto(`${origin}/`);
  await page.addStyleTag({ url: `${origin}/host.css` });
  const setTheme = (next: ThemeName): Promise<void> =>
    page.evaluate((variables) => {
      for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty(name, value);
    }, themes[next]);
  await setTheme(theme);
  const post = (message: HostMessage): Promise<void> => page.evaluate((data) => window.postMessage(data, '*'), message);
  return { page, sent, complaints, post, setTheme };
}

async function bundle(): Promise<ReadonlyMap<string, { readonly body: string; readonly contentType: string }>> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/webview/runs.ts'],
    bundle: true,
    write: false,
    outdir: 'out',
    format: 'iife',
    target: 'chrome132',
  });
  const text = (ending: string): string => outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? '';
  const html = runsPage({ nonce: 'preview', source: origin, script: `${origin}/runs.js`, style: `${origin}/runs.css` });
  return new Map([
    ['/', { body: html, contentType: 'text/html' }],
    ['/runs.js', { body: text('.js'), contentType: 'text/javascript' }],
    ['/runs.css', { body: text('.css'), contentType: 'text/css' }],
    // VS Code's own style sheet of a webview gives the page the editor's background.
    ['/host.css', { body: 'body { background: var(--vscode-editor-background); }', contentType: 'text/css' }],
  ]);
}
