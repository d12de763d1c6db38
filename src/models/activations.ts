import type { ModelConfig } from '../checkpoint/config.ts';
import type { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';

/** Activation functions by transformers' names (ACT2FN). */
const activations = {
  gelu: (b, x) => b.gelu(x, 'none'),
  gelu_new: (b, x) => b.gelu(x, 'tanh'),
  gelu_pytorch_tanh: (b, x) => b.gelu(x, 'tanh'),
  relu: (b, x) => b.relu(x),
  silu: (b, x) => b.silu(x),
  swish: (b, x) => b.silu(x),
  tanh: (b, x) => b.tanh(x),
} satisfies Record<string, (b: Builder, x: Value) => Value>;

/** The activation that a config's key names. */
export function activationOf(config: ModelConfig, key: string, fallback: string): (b: Builder, x: Value) => Value {
  return activationNamed(config, key, config.string(key, fallback));
}

/** The activation of a name that was read out of a config's key. */
export function activationNamed(config: ModelConfig, key: string, name: string): (b: Builder, x: Value) => Value {
  if (Object.hasOwn(activations, name)) return activations[name as keyof typeof activations];
  throw config.invalid(key, `is "${name}"; supported are ${Object.keys(activations).join(', ')}`);
}
