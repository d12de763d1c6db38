import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { operatorCases } from '../../test/operators/cases.ts';
import { type OperatorCase, sizesOf } from '../../test/operators/operatorCase.ts';
import { drawTensors, expected, feed, type Program, programOf } from '../../test/operators/program.ts';
import { loadTfjs, type Tfjs } from '../../test/operators/tfjs.ts';
import { floatOutput, GraphSession } from '../runtime/session.ts';
import { floats, type Tensor } from '../runtime/tensor.ts';

/**
 * Both sides compute in float32, whose rounding is 6e-8: a few roundings in a row and sums of up to a hundred terms stay
 * below 2e-5 of the largest element (TensorFlow.js's erf is itself an approximation to 1.5e-7).
 */
const roundingTolerance = 2e-5;

/**
 * A central difference of fourth order with step h is off by h^4/30 of the fifth derivative (for the steepest case, log at
 * 0.5: 768) and by the outputs' rounding over h: at h = 1/64 that is 2e-6 and, for outputs up to 16, 6e-8 * 16 * 64 = 6e-5.
 */
const step = 1 / 64;
const differenceTolerance = 1e-4;
/** In larger tensors one element can move thousands of outputs, and the sum of their roundings drowns the difference. */
const differencesUpTo = 256;

let tf: Tfjs;
before(async () => {
  tf = await loadTfjs();
});

for (const [op, cases] of Object.entries(operatorCases)) {
  describe(op, () => {
    for (const operatorCase of cases) test(operatorCase.name, () => check(operatorCase));
  });
}

test('every case contains its operator', () => {
  for (const [op, cases] of Object.entries(operatorCases)) {
    for (const operatorCase of cases) {
      assert.ok(
        programOf(operatorCase).graph.nodes.some((node) => node.op === op),
        `${op} ${operatorCase.name}`,
      );
    }
  }
});

async function check(operatorCase: OperatorCase): Promise<void> {
  const program = programOf(operatorCase);
  const session = await GraphSession.create(program.graph, 'cpu');
  try {
    for (const [i, sizes] of sizesOf(operatorCase).entries()) {
      const tensors = drawTensors(operatorCase, program, sizes, i);
      const want = expected(tf, operatorCase, program, tensors);
      const found = await session.run(feed(program, tensors));
      for (const [k, output] of program.outputs.entries()) {
        const { dims, data } = found.get(output.name)!;
        assert.deepEqual(dims, want.outputs[k]!.dims, `shape of output ${k}`);
        close(Array.from(data, Number), want.outputs[k]!.data, roundingTolerance, `output ${k}`);
      }
      for (const [k, gradient] of program.gradients.entries()) {
        const { dims, data } = floatOutput(found, gradient.name);
        const label = `gradient of input ${program.wrt[k]}`;
        assert.deepEqual(dims, tensors[program.wrt[k]!]!.dims, `shape of ${label}`);
        close(data, want.gradients[k]!, roundingTolerance, label);
        const largest = Math.max(data.length, want.outputs[0]!.data.length);
        if (operatorCase.steps || largest > differencesUpTo) continue;
        const slopes = await differences(session, program, tensors, program.wrt[k]!);
        close(data, slopes, differenceTolerance, `${label} against differences`);
      }
    }
  } finally {
    await session.close();
  }
}

/** Central differences of the loss, element by element of an input. */
async function differences(
  session: GraphSession,
  program: Program,
  tensors: readonly Tensor[],
  input: number,
): Promise<readonly number[]> {
  const original = tensors[input]!.data as Float32Array;
  const lossAt = async (element: number, change: number): Promise<number> => {
    const moved = tensors.with(
      input,
      floats(original.with(element, original[element]! + change), tensors[input]!.dims),
    );
    const found = await session.run(feed(program, moved));
    const weights = moved.slice(program.inputs.length);
    let loss = 0;
    for (const [i, of] of program.lossOf.entries()) {
      const { data } = floatOutput(found, program.outputs[of]!.name);
      data.forEach((y, j) => {
        loss += y * Number(weights[i]!.data[j]);
      });
    }
    return loss;
  };
  const slopes: number[] = [];
  for (const element of original.keys()) {
    const near = (await lossAt(element, step)) - (await lossAt(element, -step));
    const far = (await lossAt(element, 2 * step)) - (await lossAt(element, -2 * step));
    slopes.push((8 * near - far) / (12 * step));
  }
  return slopes;
}

function close(found: ArrayLike<number>, want: ArrayLike<number>, tolerance: number, label: string): void {
  assert.equal(found.length, want.length, `length of ${label}`);
  const scale = Math.max(1, ...Array.from(want, Math.abs));
  Array.from(want).forEach((x, i) => {
    const y = found[i]!;
    assert.ok(Math.abs(x - y) <= tolerance * scale, `${label}, element ${i}: ${y}, not ${x}`);
  });
}
