import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { FrameLocator, Locator, Page } from 'playwright-core';

/** Where screenshots go. */
export const pictures = join(resolve(import.meta.dirname, '../..'), 'test-results');

/** What a change of theme takes to reach webviews, milliseconds: nothing tells when they are done. */
const repaint = 400;

/** What a list takes to be filled on two busy cores, milliseconds. */
const listPatience = 10_000;

/** A menu takes no click in the first tenth of a second after it has opened, milliseconds. */
const menuReady = 200;

/** The workbench as a person sees it. Every wait ends with a failure after Playwright's own limit. */
export class Workbench {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(30_000);
  }

  /** Waits until the workbench shows, and its extensions are told to start. */
  async ready(): Promise<void> {
    await this.page.locator('.monaco-workbench .statusbar').waitFor();
    await this.page.locator('.explorer-viewlet .monaco-list-row').first().waitFor();
  }

  /** Runs a command by its title in the palette, for example `Softprompt: Open Runs`. */
  async run(title: string): Promise<void> {
    await this.#choose('F1', `>${title}`, title);
  }

  /**
   * Opens a list by a key and chooses an entry. The list closes when something else takes the focus, as a notification does
   * that goes away: then asks again, as a person would.
   */
  async #choose(key: string, typed: string, label: string): Promise<void> {
    for (let again = 2; ; again--) {
      await this.#openQuickInput(key);
      const failure = await this.#pickFirst(typed, label, listPatience).then(
        () => null,
        (error: unknown) => error,
      );
      if (failure === null) return;
      if (again === 0) throw failure;
      await this.page.keyboard.press('Escape');
    }
  }

  /** Chooses an entry of the quick pick that is open. */
  async pick(label: string): Promise<void> {
    await this.#pickFirst(label, label);
  }

  /** Ticks one more entry of the list that is open, and takes what is ticked. */
  async tickAlso(label: string): Promise<void> {
    await this.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: label }).first().click();
    await this.page.locator('.quick-input-widget').getByRole('button', { name: 'OK' }).click();
  }

  /** Takes the path that a file dialog proposes, once it ends so. */
  async accept(ending: string): Promise<void> {
    while (!(await this.#quickInput().inputValue()).endsWith(ending)) await this.page.waitForTimeout(menuReady);
    await this.page.keyboard.press('Enter');
  }

  /** Answers the input box that is open. */
  async answer(text: string): Promise<void> {
    await this.#quickInput().fill(text);
    await this.page.keyboard.press('Enter');
  }

  #quickInput(): Locator {
    return this.page.locator('.quick-input-widget input[type=text]');
  }

  /** Opens the quick input by a key. One that is still about to close would take the key, and what is typed, for itself. */
  async #openQuickInput(key: string): Promise<void> {
    await this.#quickInput().waitFor({ state: 'hidden' });
    await this.page.keyboard.press(key);
    await this.#quickInput().waitFor();
  }

  async #pickFirst(typed: string, label: string, timeout?: number): Promise<void> {
    await this.#quickInput().fill(typed);
    const row = this.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: label }).first();
    await row.click(timeout === undefined ? {} : { timeout });
  }

  /** A notification that contains this text. */
  toast(text: string): Locator {
    return this.page.locator('.notifications-toasts .notification-list-item').filter({ hasText: text });
  }

  /** Shows a view container by its title in the activity bar; does nothing when it shows already. */
  async openContainer(title: string): Promise<void> {
    const item = this.page.locator('.activitybar .action-item').filter({
      has: this.page.locator(`a[aria-label^="${title}"]`),
    });
    if ((await item.getAttribute('aria-checked')) !== 'true') await item.click();
    await this.page.locator('.sidebar .composite.title').filter({ hasText: title }).waitFor();
  }

  /** A row of a tree view, by the view's name and a text of the row. */
  treeRow(view: string, text: string): Locator {
    return this.page
      .locator('.sidebar .pane')
      .filter({ has: this.page.locator(`[aria-label^="${view}"]`) })
      .locator('.monaco-list-row')
      .filter({ hasText: text })
      .first();
  }

  /** Uses an inline action of a tree row, by the title of its command. */
  async inlineAction(row: Locator, title: string): Promise<void> {
    await row.hover();
    await row.locator(`.action-label[aria-label^="${title}"]`).click();
  }

  /** Chooses an entry of a row's context menu. */
  async contextAction(row: Locator, title: string): Promise<void> {
    await row.click({ button: 'right' });
    const entry = this.page.locator('.monaco-menu .action-label').filter({ hasText: title }).first();
    await entry.waitFor();
    await this.page.waitForTimeout(menuReady);
    await entry.click();
  }

  /** An item of the status bar that contains this text. */
  statusBarItem(text: string): Locator {
    return this.page.locator('.statusbar-item').filter({ hasText: text }).first();
  }

  /** The document inside the webview that shows; `text` tells it from others that are open. */
  webview(): FrameLocator {
    return this.page.frameLocator('iframe.webview.ready').frameLocator('#active-frame');
  }

  /** Opens a file of the workspace in an editor by its name. */
  async openFile(name: string): Promise<Locator> {
    await this.#choose('Control+p', name, name);
    const editor = this.editor(name);
    await editor.locator('.view-line').first().waitFor();
    return editor;
  }

  /** The text editor of a file. */
  editor(name: string): Locator {
    return this.page.locator(`.monaco-editor[data-uri$="/${name}"]`);
  }

  /** Puts the cursor into a line (from 1) of the editor that has the focus and selects all of it. */
  async selectLine(line: number): Promise<void> {
    await this.#openQuickInput('Control+g');
    await this.answer(`:${line}`);
    await this.page.keyboard.press('Home');
    await this.page.keyboard.press('Shift+End');
    await this.page
      .locator('.statusbar-item')
      .filter({ hasText: /selected\)/ })
      .waitFor();
  }

  /** Texts that decorations show in an editor before or after the text itself, in order. */
  async decorationTexts(editor: Locator): Promise<string[]> {
    return editor.locator('.view-lines').evaluate((lines) => {
      const { getComputedStyle } = lines.ownerDocument.defaultView;
      const shown = [...lines.querySelectorAll('span')].flatMap((span) =>
        ['::before', '::after'].map((side) => getComputedStyle(span, side).content),
      );
      const quoted = shown.filter((content) => content.startsWith('"'));
      return quoted.map((content) => JSON.parse(content).replaceAll('\u00a0', ' '));
    });
  }

  /** The hover that shows when the mouse rests on the beginning of a line (from 1) of an editor. */
  async hoverLine(editor: Locator, line: number): Promise<Locator> {
    await editor
      .locator('.view-line')
      .nth(line - 1)
      .hover({ position: { x: 20, y: 8 } });
    const hover = this.page.locator('.monaco-hover:not(.hidden)');
    await hover.waitFor();
    return hover;
  }

  /** Answers the dialog that is open with one of its buttons. */
  async answerDialog(button: string): Promise<void> {
    await this.page.locator('.monaco-dialog-box').getByRole('button', { name: button, exact: true }).click();
  }

  /** An error that VS Code shows. */
  get #error(): Locator {
    return this.page.locator('.notification-list-item:has(.codicon-error)').first();
  }

  /** Fails with the words of the error that shows, if there is one. */
  async expectNoError(): Promise<void> {
    if (await this.#error.isVisible()) throw new Error(`VS Code shows an error: ${await this.#error.innerText()}`);
  }

  /** Waits for something that takes a while, but no longer once VS Code shows an error. */
  async waitFor(target: Locator, timeout: number): Promise<void> {
    const found = target.waitFor({ timeout });
    // When the error's time is up so is the target's, which tells more.
    const failed = this.#error.waitFor({ timeout }).then(
      () => this.expectNoError(),
      () => found,
    );
    await Promise.race([found, failed]);
  }

  /** Closes notifications that are open. */
  async dismissToasts(): Promise<void> {
    await this.run('Notifications: Clear All Notifications');
    await this.page.locator('.notifications-toasts .notification-list-item').first().waitFor({ state: 'detached' });
  }

  /** Switches the colour theme as the system's would. */
  async useTheme(theme: 'light' | 'dark'): Promise<void> {
    await this.page.emulateMedia({ colorScheme: theme });
    await this.page.locator(theme === 'light' ? '.monaco-workbench.vs' : '.monaco-workbench.vs-dark').waitFor();
  }

  /** Keeps pictures of the whole window, NAME-light.png and NAME-dark.png in test-results/; the dark theme stays. */
  async screenshot(name: string): Promise<void> {
    mkdirSync(pictures, { recursive: true });
    for (const theme of ['light', 'dark'] as const) {
      await this.useTheme(theme);
      await this.page.waitForTimeout(repaint);
      await this.page.screenshot({ path: join(pictures, `${name}-${theme}.png`) });
    }
  }
}
