import type { ArmResult } from '../evaluation/result.ts';
import { classTable } from '../evaluation/views/classTable.ts';
import { figure } from '../evaluation/views/figureText.ts';
import { binnedError, reliabilityDrawing } from '../evaluation/views/reliabilityDrawing.ts';
import { h } from './dom.ts';
import { drawingElement } from './drawing.ts';
import { figureTable } from './figureTable.ts';

/** Figures of each label by one arm, and how right it is by how sure it is; nothing for open text. */
export function labelFigures(arm: ArmResult): readonly HTMLElement[] {
  const table = classTable(arm);
  const bins = arm.reliability ?? [];
  if (table === null && bins.length === 0) return [];
  const diagram = (): HTMLElement => {
    const element = h('figure', { class: 'reliability' });
    element.append(
      drawingElement(reliabilityDrawing(arm.name, bins)),
      h('figcaption', { class: 'key' }, `Accuracy by confidence · ECE ${figure(arm.metrics.ece ?? binnedError(bins))}`),
    );
    return element;
  };
  return [
    h('div', { class: 'side' }, table === null ? null : figureTable(table), bins.length === 0 ? null : diagram()),
  ];
}
