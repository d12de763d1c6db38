import type { StepEvent, TrainingEvent } from '../training/events.ts';
import type { Terminal } from './terminal.ts';

/** Share of the newest step in the running means. */
const newest = 0.1;

/** Shows a training as it goes: a bar that is drawn over itself on a terminal, else a line now and then. */
export class TrainingProgress {
  readonly #terminal: Terminal;
  #total = 0;
  #seconds = 0;
  #loss = 0;
  #steps = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Takes the next event of the run. */
  show(event: TrainingEvent): void {
    if (event.event === 'start') {
      this.#total = event.total_steps;
      const { trainable_parameters: trained, total_parameters: all, device, device_reason: reason } = event;
      const share = ((100 * trained) / all).toPrecision(2);
      this.#line(
        `${trained} trained parameters (${share} %) on ${device}${reason === undefined ? '' : ` (${reason})`}`,
      );
    }
    if (event.event === 'step') this.#showStep(event);
    if (event.event === 'eval') {
      const note = event.best ? ', the best so far' : '';
      this.#line(`step ${event.step}: validation loss ${event.loss.toFixed(4)}${note}`);
    }
    if (event.event === 'done') this.#clear();
  }

  #showStep({ step, loss, seconds }: StepEvent): void {
    const weight = Math.max(newest, 1 / ++this.#steps);
    this.#seconds += weight * (seconds - this.#seconds);
    this.#loss += weight * (loss - this.#loss);
    const left = duration((this.#total - step) * this.#seconds);
    const rate = `${(1 / Math.max(this.#seconds, 1e-9)).toPrecision(3)} steps/s`;
    const text = `${step}/${this.#total}  loss ${this.#loss.toFixed(4)}  ${rate}  ${left} left`;
    if (this.#terminal.draw !== null) {
      const width = Math.max(0, Math.min(30, this.#terminal.columns - text.length - 4));
      const filled = Math.round((width * step) / this.#total);
      this.#terminal.draw(`\r${'█'.repeat(filled)}${'░'.repeat(width - filled)}  ${text}\u001b[K`);
    } else if (step === this.#total || step % Math.max(1, Math.ceil(this.#total / 10)) === 0) {
      this.#terminal.note(`step ${text}`);
    }
  }

  #line(text: string): void {
    this.#clear();
    this.#terminal.note(text);
  }

  #clear(): void {
    this.#terminal.draw?.('\r\u001b[K');
  }
}

/** Seconds as a person reads them. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
