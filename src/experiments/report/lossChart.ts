import { scale, ticks, tickText } from '../../evaluation/views/axis.ts';
import { figure } from '../../evaluation/views/figureText.ts';
import type { EvalEvent, StepEvent, TrainingEvent } from '../../training/events.ts';
import { Html, html } from './html.ts';

/** Size of the drawing and of the margins around its plot, in its own units. */
const size = { width: 820, height: 300 };
const margin = { left: 58, right: 14, top: 14, bottom: 40 };
/** Most points a line has: more than there are units across would lie over each other. */
const mostPoints = 600;

interface Point {
  readonly step: number;
  readonly loss: number;
}

/** Loss by step as a drawing: training, validation and the step that was kept; null without a point. */
export function lossChart(events: readonly TrainingEvent[]): Html | null {
  const points = (kind: 'step' | 'eval'): Point[] => events.filter((event) => event.event === kind).filter(isPoint);
  const training = thinned(points('step'));
  const validation = thinned(points('eval'));
  const all = [...training, ...validation];
  if (all.length === 0) return null;
  const lastStep = all.reduce((most, { step }) => Math.max(most, step), 1);
  const steps = ticks(0, lastStep).filter((step) => step <= lastStep);
  const losses = ticks(
    Math.min(
      0,
      all.reduce((least, { loss }) => Math.min(least, loss), Number.POSITIVE_INFINITY),
    ),
    all.reduce((most, { loss }) => Math.max(most, loss), Number.NEGATIVE_INFINITY),
  );
  const x = scale(0, lastStep, margin.left, size.width - margin.right);
  const y = scale(losses[0]!, losses.at(-1)!, size.height - margin.bottom, margin.top);
  const path = (line: readonly Point[]): string =>
    line.map(({ step, loss }, i) => `${i === 0 ? 'M' : 'L'}${x(step)} ${y(loss)}`).join('');
  const best = validation.reduce<Point | null>(
    (low, each) => (low === null || each.loss < low.loss ? each : low),
    null,
  );
  const words = `Loss by step: ${figure(all[0]!.loss)} at first${best === null ? '' : `, best validation ${figure(best.loss)} at step ${best.step}`}`;
  return html`<figure><svg viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${words}">
${losses.map(
  (
    loss,
  ) => html`<path class="grid" d="M${margin.left} ${y(loss)}H${size.width - margin.right}"/><text x="${margin.left - 8}" y="${y(loss)}" dy="0.32em" text-anchor="end">${tickText(loss)}</text>
`,
)}${steps.map(
  (
    step,
  ) => html`<text x="${x(step)}" y="${size.height - margin.bottom + 18}" text-anchor="middle">${tickText(step)}</text>
`,
)}<text x="${(margin.left + size.width - margin.right) / 2}" y="${size.height - 4}" text-anchor="middle">step</text>
<path class="line training" d="${path(training)}"/>
<path class="line validation" d="${path(validation)}"/>
${validation.map(
  (
    point,
  ) => html`<circle class="${point === best ? 'best' : 'point'}" cx="${x(point.step)}" cy="${y(point.loss)}" r="${point === best ? 5 : 2.5}"><title>step ${point.step}: validation ${figure(point.loss)}${point === best ? ' (best)' : ''}</title></circle>
`,
)}</svg><figcaption><span class="key training"></span> training ${validation.length === 0 ? '' : new Html(' <span class="key validation"></span> validation')}${best === null ? '' : html` · best ${figure(best.loss)} at step ${best.step}`}</figcaption></figure>`;
}

/** Whether an event of a log can be drawn: a loss that ran away is null there, or has no scale. */
function isPoint(event: TrainingEvent): event is StepEvent | EvalEvent {
  const { step, loss } = event as Partial<Record<keyof Point, unknown>>;
  return [step, loss].every((value) => typeof value === 'number' && Math.abs(value) < 1e30);
}

/** At most `mostPoints` points, each the mean of as many neighbours as the others. */
function thinned(points: readonly Point[]): readonly Point[] {
  const each = Math.ceil(points.length / mostPoints);
  if (each <= 1) return points;
  return Array.from({ length: Math.ceil(points.length / each) }, (_, i) => {
    const group = points.slice(i * each, (i + 1) * each);
    return { step: group.at(-1)!.step, loss: group.reduce((sum, { loss }) => sum + loss, 0) / group.length };
  });
}
