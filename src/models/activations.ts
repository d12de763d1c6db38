import type { ModelConfig } from '../checkpoint/config.ts';
import type { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';

/** An activation function, element by element. */
export type Activation = (b: Builder, x: Value) => Value;

/** Activation functions by transformers' names (ACT2FN), and AdapterHub's `leakyrelu`. */
const activations = {
  gelu: (b, x) => b.gelu(x, 'none'),
  gelu_10: (b, x) => atMost(b, b.gelu(x, 'none'), 10),
  gelu_accurate: (b, x) => b.gelu(x, 'tanh'),
  gelu_fast: (b, x) => b.gelu(x, 'tanh'),
  gelu_new: (b, x) => b.gelu(x, 'tanh'),
  gelu_python: (b, x) => b.gelu(x, 'none'),
  gelu_pytorch_tanh: (b, x) => b.gelu(x, 'tanh'),
  laplace: (b, x) => {
    const [mean, deviation] = [Math.SQRT1_2, 0.282095];
    const standard = b.scale(b.sub(x, b.scalar(mean)), 1 / (deviation * Math.SQRT2));
    return b.scale(b.add(b.erf(standard), b.scalar(1)), 0.5);
  },
  leaky_relu: leakyRelu,
  leakyrelu: leakyRelu,
  linear: (_b, x) => x,
  mish: (b, x) => b.mul(x, b.tanh(softplus(b, x))),
  quick_gelu: (b, x) => b.mul(x, b.sigmoid(b.scale(x, 1.702))),
  relu: (b, x) => b.relu(x),
  relu2: (b, x) => {
    const positive = b.relu(x);
    return b.mul(positive, positive);
  },
  relu6: (b, x) => atMost(b, b.relu(x), 6),
  sigmoid: (b, x) => b.sigmoid(x),
  silu: (b, x) => b.silu(x),
  swish: (b, x) => b.silu(x),
  tanh: (b, x) => b.tanh(x),
} satisfies Record<string, Activation>;

/** The activation that a config's key names. */
export function activationOf(config: ModelConfig, key: string, fallback: string): Activation {
  return activationNamed(config, key, config.string(key, fallback));
}

/** The activation of a name that was read out of a config's key. */
export function activationNamed(config: ModelConfig, key: string, name: string): Activation {
  if (Object.hasOwn(activations, name)) return activations[name as keyof typeof activations];
  throw config.invalid(key, `is "${name}"; supported are ${Object.keys(activations).join(', ')}`);
}

/** torch's LeakyReLU with its default slope below 0. */
function leakyRelu(b: Builder, x: Value): Value {
  return b.where(b.greater(x, b.scalar(0)), x, b.scale(x, 0.01));
}

function atMost(b: Builder, x: Value, limit: number): Value {
  return b.sub(x, b.relu(b.sub(x, b.scalar(limit))));
}

/** log(1 + exp(x)), in a form in which nothing overflows. */
function softplus(b: Builder, x: Value): Value {
  const absolute = b.add(b.relu(x), b.relu(b.neg(x)));
  return b.add(b.relu(x), b.log(b.add(b.exp(b.neg(absolute)), b.scalar(1))));
}
