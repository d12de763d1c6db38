import type { Operator } from '../operators.ts';
import { elementwise } from './elementwise.ts';
import { matrix } from './matrix.ts';
import { movement } from './movement.ts';
import { reduction } from './reduction.ts';
import { rotary } from './rotary.ts';
import type { Rule, Rules } from './rule.ts';

/** Every operator's rule; the compiler refuses the table while one is missing. */
const rules = { ...elementwise, ...matrix, ...movement, ...reduction, ...rotary } satisfies Rules<Operator>;

/** The rule of an operator. */
export function ruleOf<O extends Operator>(op: O): Rule<O> {
  return rules[op] as unknown as Rule<O>;
}
