/** Colours of the editor's theme that a canvas needs; style sheets read the variables themselves. */
export interface Theme {
  readonly text: string;
  readonly grid: string;
  /** One per run colour, in the order of the style sheet's `.colour-N`. */
  readonly runs: readonly string[];
}

/** Theme variables of the run colours; runs.css has the same order. */
const runVariables = ['blue', 'orange', 'green', 'purple', 'red', 'yellow'].map((name) => `--vscode-charts-${name}`);

/** Number of run colours; further runs share them. */
export const runColours = runVariables.length;

/** Reads the theme as it is now. */
export function readTheme(): Theme {
  const style = getComputedStyle(document.body);
  const read = (variable: string, fallback: string): string => style.getPropertyValue(variable).trim() || fallback;
  const text = read('--vscode-foreground', style.color);
  return {
    text,
    grid: read('--vscode-charts-lines', read('--vscode-panel-border', text)),
    runs: runVariables.map((variable) => read(variable, text)),
  };
}

/** Calls back when the theme has changed: VS Code then rewrites the root element's style and the body's class. */
export function onThemeChange(changed: () => void): void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
  observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
}
