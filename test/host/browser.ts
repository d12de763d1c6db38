import { format } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import { findChromium } from '../../scripts/chromium.mjs';
import type { Server } from './server.ts';
import { suiteMarks } from './suiteReport.ts';

const chromiumArgs = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts the headless browser that shows the workbench. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined)
    throw new Error('No Chromium here: install it, or name it in the variable CHROMIUM.');
  return chromium.launch({ executablePath, headless: true, args: chromiumArgs });
}

/** Opens the workbench of a server on a folder, with the extensions installed there. */
export async function openFolder(browser: Browser, server: Server, folder: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(`http://${server.authority}/?folder=${encodeURIComponent(folder)}`);
  return page;
}

/** A suite, and where it runs. */
export interface SuiteRun {
  readonly server: Server;
  /** Folder the workbench opens. */
  readonly folder: string;
  /** Folder of the extension under test, with its package.json. */
  readonly extension: string;
  /** CommonJS module with `run(): Promise<void>`. */
  readonly suite: string;
  /** Time limit, milliseconds. */
  readonly timeout: number;
}

/**
 * Loads the extension in development mode and runs the suite inside its extension host; prints what the suite prints.
 * The server must have been started with `testDriver`: a built workbench ignores the two addresses without it.
 * @returns whether `run()` resolved
 */
export async function runSuiteInBrowser(browser: Browser, options: SuiteRun): Promise<boolean> {
  const { authority } = options.server;
  const page = await browser.newPage();
  const uri = (path: string) => `vscode-remote://${authority}${path}`;
  const payload = [
    ['extensionDevelopmentPath', uri(options.extension)],
    ['extensionTestsPath', uri(options.suite)],
  ];
  const query = new URLSearchParams({ folder: options.folder, payload: JSON.stringify(payload) });

  let isInside = false;
  await page.exposeFunction('codeAutomationLog', (_type: string, args: unknown[]) => {
    const line = format(...args);
    if (line.includes(suiteMarks.end)) isInside = false;
    if (isInside) console.log(line);
    if (line.includes(suiteMarks.begin)) isInside = true;
  });
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  await page.exposeFunction('codeAutomationExit', (code: number) => resolve(code === 0));
  page.once('crash', () => reject(new Error('The workbench page crashed.')));
  page.once('close', () => reject(new Error('The workbench page closed.')));
  const late = () =>
    reject(new Error(`The suite took longer than ${options.timeout / 1000} s.\n${options.server.log()}`));
  const timer = setTimeout(late, options.timeout);
  try {
    await page.goto(`http://${authority}/?${query}`);
    return await promise;
  } finally {
    clearTimeout(timer);
    page.removeAllListeners();
    await page.close();
  }
}
