/** Something to be undone; VS Code's Disposable fits. */
export interface Disposable {
  dispose(): void;
}

/** Subscribes a listener; VS Code's Event fits. */
export type Event<T> = (listener: (value: T) => void) => Disposable;

/** Tells listeners in the order they came. Ours rather than VS Code's, so that what owns state is tested without an editor. */
export class Emitter<T> {
  readonly #listeners = new Set<(value: T) => void>();

  readonly event: Event<T> = (listener) => {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  };

  fire(value: T): void {
    for (const listener of [...this.#listeners]) listener(value);
  }
}
