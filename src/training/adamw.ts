import { type OptimizerRule, sizeOf } from './optimizerRule.ts';

/** Adam with decoupled weight decay as torch.optim.AdamW computes it, https://arxiv.org/abs/1711.05101. */
export const adamw: OptimizerRule = {
  lengths: (spec) => ({ first: sizeOf(spec), second: sizeOf(spec) }),
  frozen: () => [],
  stepper:
    ({ adam_beta1: beta1, adam_beta2: beta2, adam_epsilon: epsilon }) =>
    ({ x, gradient, scale, state, count, rate, decay }) => {
      const [first, second] = [state.first!, state.second!];
      const correction1 = 1 - beta1 ** count;
      const root2 = Math.sqrt(1 - beta2 ** count);
      const keep = 1 - rate * decay;
      for (let i = 0; i < x.length; i++) {
        const g = gradient[i]! * scale;
        const m = beta1 * first[i]! + (1 - beta1) * g;
        const v = beta2 * second[i]! + (1 - beta2) * g * g;
        first[i] = m;
        second[i] = v;
        x[i] = x[i]! * keep - ((rate / correction1) * m) / (Math.sqrt(v) / root2 + epsilon);
      }
    },
};
