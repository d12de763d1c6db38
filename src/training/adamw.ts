/** What AdamW needs to know. */
export interface AdamWOptions {
  readonly weight_decay: number;
  readonly adam_beta1: number;
  readonly adam_beta2: number;
  readonly adam_epsilon: number;
}

/** First and second moments of one tensor. */
export interface Moments {
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/** Adam with decoupled weight decay as torch.optim.AdamW computes it, https://arxiv.org/abs/1711.05101. */
export class AdamW {
  readonly #options: AdamWOptions;
  /** Moments by tensor name; made at a tensor's first step. */
  readonly moments: Map<string, Moments>;
  /** Steps taken. */
  steps: number;

  constructor(options: AdamWOptions, moments: ReadonlyMap<string, Moments> = new Map(), steps = 0) {
    this.#options = options;
    this.moments = new Map(moments);
    this.steps = steps;
  }

  /** One step on all tensors, in place. Gradients are multiplied by `scale` first. */
  step(
    tensors: ReadonlyMap<string, Float32Array>,
    gradients: ReadonlyMap<string, Float32Array>,
    rate: number,
    scale: number,
  ): void {
    const { weight_decay, adam_beta1: beta1, adam_beta2: beta2, adam_epsilon: epsilon } = this.#options;
    this.steps++;
    const correction1 = 1 - beta1 ** this.steps;
    const root2 = Math.sqrt(1 - beta2 ** this.steps);
    const keep = 1 - rate * weight_decay;
    for (const [name, x] of tensors) {
      const gradient = gradients.get(name)!;
      const { first, second } = this.#momentsOf(name, x.length);
      for (let i = 0; i < x.length; i++) {
        const g = gradient[i]! * scale;
        const m = beta1 * first[i]! + (1 - beta1) * g;
        const v = beta2 * second[i]! + (1 - beta2) * g * g;
        first[i] = m;
        second[i] = v;
        x[i] = x[i]! * keep - ((rate / correction1) * m) / (Math.sqrt(v) / root2 + epsilon);
      }
    }
  }

  #momentsOf(name: string, length: number): Moments {
    let moments = this.moments.get(name);
    if (moments === undefined) {
      moments = { first: new Float32Array(length), second: new Float32Array(length) };
      this.moments.set(name, moments);
    }
    return moments;
  }
}

/** Global L2 norm of gradients. */
export function gradientNorm(gradients: ReadonlyMap<string, Float32Array>): number {
  let sum = 0;
  for (const gradient of gradients.values()) {
    for (let i = 0; i < gradient.length; i++) sum += gradient[i]! * gradient[i]!;
  }
  return Math.sqrt(sum);
}

/** Factor that brings a gradient of this norm down to `limit` (0: no limit), as torch's clip_grad_norm_ computes it. */
export function clipFactor(norm: number, limit: number): number {
  return limit === 0 ? 1 : Math.min(1, limit / (norm + 1e-6));
}
