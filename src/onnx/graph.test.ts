import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SoftpromptError } from '../foundation/errors.ts';
import { Builder } from './builder.ts';
import type { Dim, DType, Value } from './dims.ts';

/** What must be refused where it is written, and what the message must say beside the tensors' names. */
const mistakes: Readonly<
  Record<string, { readonly build: (b: Builder, input: Input) => unknown; readonly says: RegExp }>
> = {
  'shapes that do not broadcast': {
    build: (b, input) => b.add(input('x', [2, 3]), input('y', [2])),
    says: /Add of x, y.*\[2, 3\] and \[2\] do not fit/,
  },
  'two symbols that may differ': {
    build: (b, input) => b.mul(input('x', ['batch']), input('y', ['time'])),
    says: /Mul of x, y.*\[batch\] and \[time\]/,
  },
  'types that differ': {
    build: (b, input) => b.add(input('x', [2]), input('y', [2], 'int64')),
    says: /Add of x, y.*float32 and int64 differ/,
  },
  'an exponential of whole numbers': {
    build: (b, input) => b.exp(input('x', [2], 'int64')),
    says: /Exp of x.*needs floats, not int64/,
  },
  'a condition that is no truth value': {
    build: (b, input) => b.where(input('x', [2]), input('y', [2]), input('z', [2])),
    says: /Where of x, y, z.*bool/,
  },
  'a product of misfit matrices': {
    build: (b, input) => b.matmul(input('x', [2, 3]), input('y', [4, 5]), 'logits'),
    says: /logits \(MatMul of x, y\).*\[2, 3\] and \[4, 5\]/,
  },
  'a product of vectors': {
    build: (b, input) => b.matmul(input('x', [2, 3]), input('y', [3])),
    says: /MatMul of x, y.*matrices/,
  },
  'a product of batches that do not broadcast': {
    build: (b, input) => b.matmul(input('x', [2, 3, 4]), input('y', [3, 4, 5])),
    says: /MatMul of x, y.*batch/,
  },
  'a product of two types': {
    build: (b, input) => b.matmul(input('x', [2, 3]), input('y', [3, 4], 'float16')),
    says: /MatMul of x, y.*float32 and float16/,
  },
  'a misfit Gemm': {
    build: (b, input) => b.gemm(input('x', [2, 3]), input('w', [3, 4]), { transB: 1, name: 'proj' }),
    says: /proj \(Gemm of x, w\).*\[2, 3\] and \[3, 4\]/,
  },
  'a Gemm of rank 3': {
    build: (b, input) => b.gemm(input('x', [1, 2, 3]), input('w', [3, 4])),
    says: /Gemm of x, w.*rank 2/,
  },
  'an addend that would widen a Gemm': {
    build: (b, input) => b.gemm(input('x', [1, 3]), input('w', [3, 4]), {}, input('bias', [2, 4])),
    says: /Gemm of x, w, bias.*\[2, 4\] does not broadcast to \[1, 4\]/,
  },
  'a sum over an axis that is not there': {
    build: (b, input) => b.reduceSum(input('x', [2, 3]), [2]),
    says: /ReduceSum of x.*axes 2 of a tensor of rank 2/,
  },
  'a scale of another width': {
    build: (b, input) => b.rmsNorm(input('x', [2, 8]), input('scale', [4]), 1e-6),
    says: /of x, scale.*scale is \[4\], not \[8\]/,
  },
  'a bias of another width': {
    build: (b, input) => b.layerNorm(input('x', [2, 8]), input('scale', [8]), input('bias', [1]), 1e-6),
    says: /of x, scale, bias.*bias is \[1\], not \[8\]/,
  },
  'a rotation by tables of another width': {
    build: (b, input) => b.rotaryEmbedding(input('x', [2, 1, 3, 8]), input('cos', [2, 3, 4]), input('sin', [2, 3, 8])),
    says: /RotaryEmbedding of x, cos, sin.*\[2, 3, 8\] does not rotate \[2, 1, 3, 8\]/,
  },
  'a rotation of a matrix': {
    build: (b, input) => b.rotaryEmbedding(input('x', [3, 8]), input('cos', [2, 3, 4]), input('sin', [2, 3, 4])),
    says: /RotaryEmbedding of x, cos, sin.*headDim/,
  },
  'a shape of another count': {
    build: (b, input) => b.reshape(input('x', ['batch', 6]), ['batch', 5]),
    says: /x.*6\*batch elements cannot become 5\*batch/,
  },
  'a shape that is one addend short': {
    build: (b, input) => b.reshape(b.concat([input('x', ['time']), input('y', [2])], 0), ['time', 1]),
    says: /time\+2 elements cannot become time/,
  },
  'a permutation that leaves an axis out': {
    build: (b, input) => b.transpose(input('x', [2, 3, 4]), [0, 1, 1]),
    says: /Transpose of x.*0,1,1 of \[2, 3, 4\]/,
  },
  'a concatenation of misfit shapes': {
    build: (b, input) => b.concat([input('x', [2, 3]), input('y', [3, 3])], 1),
    says: /Concat of x, y.*\[2, 3\] and \[3, 3\] differ off axis 1/,
  },
  'a concatenation of ranks': {
    build: (b, input) => b.concat([input('x', [2]), input('y', [2, 1])], 0),
    says: /Concat of x, y.*ranks differ/,
  },
  'parts that are not the whole': {
    build: (b, input) => b.split(input('x', [2, 6]), 1, [2, 3]),
    says: /Split of x.*2 \+ 3 are not 6/,
  },
  'an expansion that does not fit': {
    build: (b, input) => b.expand(input('x', [2, 3]), [4, 3]),
    says: /Expand of x.*\[2, 3\] does not expand to \[4, 3\]/,
  },
  'an expansion that would shrink': {
    build: (b, input) => b.expand(input('x', [2, 3]), [1, 3]),
    says: /Expand of x.*\[2, 3\] does not expand to \[1, 3\]/,
  },
  'float indices': {
    build: (b, input) => b.gather(input('table', [5, 2]), input('rows', [3])),
    says: /Gather of table, rows.*int64/,
  },
  'indices of another rank': {
    build: (b, input) => b.gatherElements(input('x', [5, 2]), input('i', [3], 'int64'), 0),
    says: /GatherElements of x, i.*ranks differ/,
  },
  'updates of another shape than their indices': {
    build: (b, input) => b.scatterElements(input('x', [5]), input('i', [3], 'int64'), input('u', [2]), 0),
    says: /ScatterElements of x, i, u.*differ in shape/,
  },
  'a symbol that no tensor has': {
    build: (b, input) => b.expand(input('x', [1]), ['nowhere']),
    says: /nowhere.*no tensor has this dimension/,
  },
  'a name taken twice': {
    build: (_, input) => [input('x', [2]), input('x', [2])],
    says: /x.*declared twice/,
  },
};

type Input = (name: string, dims: readonly Dim[], dtype?: DType) => Value;

for (const [mistake, { build, says }] of Object.entries(mistakes)) {
  test(`refuses ${mistake}`, () => {
    const b = new Builder();
    const input: Input = (name, dims, dtype = 'float32') => b.graph.input(name, dtype, dims);
    assert.throws(
      () => build(b, input),
      (error) => {
        assert.ok(error instanceof SoftpromptError);
        assert.equal(error.reason, 'graph-shape');
        assert.match(error.message, says);
        return true;
      },
    );
  });
}

test('names are made unique and stay as asked for where they are', () => {
  const b = new Builder();
  const x = b.graph.input('x', 'float32', [2]);
  const names = ['h_1', 'h', 'h', 'h', 'h_1'].map((name) => b.add(x, x, name).name);
  assert.deepEqual(names.slice(0, 2), ['h_1', 'h']);
  assert.equal(new Set(names).size, 5);
});

test('a reshape that keeps its symbols in place measures nothing while it runs', () => {
  const b = new Builder();
  b.reshape(b.graph.input('x', 'float32', ['batch', 'time', 4]), ['batch', 'time', 2, 2]);
  assert.deepEqual(
    b.graph.nodes.map((node) => node.op),
    ['Reshape'],
  );
});

test('a value knows the node that made it', () => {
  const b = new Builder();
  const x = b.graph.input('x', 'float32', [2]);
  const y = b.neg(x);
  assert.equal(b.graph.producer(y)?.op, 'Neg');
  assert.equal(b.graph.producer(x), undefined);
});

test('equal constants are made once', () => {
  const b = new Builder();
  assert.equal(b.scalar(2), b.scalar(2));
  assert.equal(b.integers([1, 2]), b.integers([1, 2]));
  assert.notEqual(b.integers([1, 2]), b.integers([12]));
});
