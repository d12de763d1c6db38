import type { Builder } from './builder.ts';
import { sameDims, type Value } from './dims.ts';
import type { Node } from './graph.ts';
import { ruleOf } from './rules/table.ts';

/**
 * Reverse-mode differentiation: appends to the graph the nodes that compute the gradient of a scalar loss with respect
 * to each of `wrt`, and returns those gradients in order. Only paths from `wrt` to the loss are walked, so nothing is
 * computed towards tensors that are not trained.
 */
export function differentiate(b: Builder, loss: Value, wrt: readonly Value[]): readonly Value[] {
  const nodes = [...b.graph.nodes];
  const active = new Set<Value>(wrt);
  for (const node of nodes) {
    if (ruleOf(node.op).vjp !== 'none' && node.inputs.some((input) => active.has(input))) {
      for (const output of node.outputs) active.add(output);
    }
  }
  const gradients = new Map<Value, Value>([[loss, b.filledLike(loss, 1)]]);
  for (const node of nodes.reverse()) {
    if (!node.inputs.some((input) => active.has(input))) continue;
    if (!node.outputs.some((output) => gradients.has(output))) continue;
    for (const [input, gradient] of inputGradients(b, node, active, gradients)) {
      const summed = sumTo(b, gradient, input);
      const before = gradients.get(input);
      gradients.set(input, before === undefined ? summed : b.add(before, summed));
    }
  }
  return wrt.map((value) => gradients.get(value) ?? b.filledLike(value, 0));
}

function inputGradients(
  b: Builder,
  node: Node,
  active: ReadonlySet<Value>,
  gradients: ReadonlyMap<Value, Value>,
): readonly (readonly [Value, Value])[] {
  const { vjp } = ruleOf(node.op);
  if (vjp === 'none') return [];
  const grads = node.outputs.map((output) => gradients.get(output) ?? null);
  const grad = grads[0] ?? b.filledLike(node.outputs[0]!, 0);
  const wants = (i: number) => active.has(node.inputs[i]!);
  const found = vjp({ b, inputs: node.inputs, outputs: node.outputs, attributes: node.attributes, grad, grads, wants });
  return node.inputs.flatMap((input, i) => {
    const gradient = wants(i) ? found[i] : null;
    return gradient == null ? [] : [[input, gradient] as const];
  });
}

/** Undoes broadcasting: sums a gradient over the axes along which the input was repeated. */
function sumTo(b: Builder, gradient: Value, input: Value): Value {
  if (sameDims(gradient.dims, input.dims)) return gradient;
  const extra = gradient.dims.length - input.dims.length;
  const axes = gradient.dims.flatMap((dim, i) => (i < extra || (input.dims[i - extra] === 1 && dim !== 1) ? [i] : []));
  const summed = axes.length === 0 ? gradient : b.reduceSum(gradient, axes);
  return extra === 0 ? summed : b.reshapeLike(summed, input);
}
