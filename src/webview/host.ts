import type { PageMessage } from '../extension/runsMessages.ts';

/** What VS Code gives a webview's page. */
interface VsCodeApi {
  postMessage(message: PageMessage): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

const api = acquireVsCodeApi();

/** Sends a message to the extension. */
export function send(message: PageMessage): void {
  api.postMessage(message);
}

/** What `keep` was last given, in this page or the one that was here before a reload. */
export function kept(): unknown {
  return api.getState();
}

/** Keeps plain data for the page that comes after a reload. */
export function keep(state: unknown): void {
  api.setState(state);
}
