import type { JsonObject } from '../checkpoint/json.ts';
import type { Method, StepRule } from './method.ts';
import { type Member, outside, within } from './unionMember.ts';

/**
 * What the members of a union ask of a training, together.
 * @param configured makes the union of other configurations of its members
 */
export function unionTraining(
  members: readonly Member[],
  configured: (methods: readonly JsonObject[]) => Method,
): Pick<Method, 'penalty' | 'afterStep' | 'forRun' | 'stored'> {
  const has = (key: keyof Method) => members.some(({ method }) => method[key] !== undefined);
  const config = ({ rate }: Member, method: Method): JsonObject => {
    return { ...method.config, ...(rate !== undefined && { learning_rate: rate }) };
  };
  return {
    ...(has('penalty') && {
      penalty: (trained, b) =>
        members
          .flatMap((member) => member.method.penalty?.(within(member, trained), b) ?? [])
          .reduce((sum, one) => b.add(sum, one)),
    }),
    ...(has('afterStep') && { afterStep: together(members) }),
    ...(has('forRun') && {
      forRun: (totalSteps) =>
        configured(members.map((member) => config(member, member.method.forRun?.(totalSteps) ?? member.method))),
    }),
    ...(has('stored') && {
      stored: (trained) => {
        const parts = members.map((member) => {
          const tensors = within(member, trained);
          return { member, ...(member.method.stored?.(tensors) ?? { method: member.method, tensors }) };
        });
        return {
          method: configured(parts.map(({ member, method }) => config(member, method))),
          tensors: new Map(parts.flatMap(({ member, tensors }) => outside(member, tensors))),
        };
      },
    }),
  };
}

/** The rules of all members as one, whose memory is called as their tensors are. */
function together(members: readonly Member[]): StepRule {
  const rules = members.flatMap((member) => {
    const { afterStep: rule } = member.method;
    return rule === undefined ? [] : [{ member, rule }];
  });
  return {
    memory: new Map(rules.flatMap(({ member, rule }) => outside(member, rule.memory))),
    after: (taken) => {
      for (const { member, rule } of rules) {
        const [tensors, gradients, memory] = [taken.tensors, taken.gradients, taken.memory].map((all) =>
          within(member, all),
        );
        rule.after({ ...taken, tensors: tensors!, gradients: gradients!, memory: memory! });
      }
    },
    kept: (tensors, memory) => {
      const kept = new Map(tensors);
      for (const { member, rule } of rules) {
        const own = rule.kept(within(member, tensors), within(member, memory));
        for (const [name, values] of outside(member, own)) kept.set(name, values);
      }
      return kept;
    },
  };
}
