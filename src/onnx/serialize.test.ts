import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import protobuf from 'protobufjs';
import { floatOutput, GraphSession } from '../runtime/session.ts';
import { floats } from '../runtime/tensor.ts';
import { Builder } from './builder.ts';
import type { Graph } from './graph.ts';
import { serialize } from './serialize.ts';

/**
 * The part of onnx.proto that these tests read, in protobuf's own language, with ONNX's field numbers
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 */
const proto = protobuf
  .parse(
    `syntax = "proto2";
  message ModelProto {
    optional int64 ir_version = 1; optional string producer_name = 2; optional GraphProto graph = 7;
    repeated OperatorSetIdProto opset_import = 8;
  }
  message OperatorSetIdProto { optional string domain = 1; optional int64 version = 2; }
  message GraphProto {
    repeated NodeProto node = 1; optional string name = 2; repeated TensorProto initializer = 5;
    repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
  }
  message NodeProto {
    repeated string input = 1; repeated string output = 2; optional string name = 3; optional string op_type = 4;
    repeated AttributeProto attribute = 5; optional string domain = 7;
  }
  message AttributeProto {
    optional string name = 1; optional float f = 2; optional int64 i = 3; optional bytes s = 4; optional TensorProto t = 5;
    repeated float floats = 7; repeated int64 ints = 8; optional int32 type = 20;
  }
  message TensorProto {
    repeated int64 dims = 1; optional int32 data_type = 2; optional string name = 8; optional bytes raw_data = 9;
    repeated StringStringEntryProto external_data = 13; optional int32 data_location = 14;
  }
  message StringStringEntryProto { optional string key = 1; optional string value = 2; }
  message ValueInfoProto { optional string name = 1; optional TypeProto type = 2; }
  message TypeProto {
    message Tensor { optional int32 elem_type = 1; optional TensorShapeProto shape = 2; }
    optional Tensor tensor_type = 1;
  }
  message TensorShapeProto {
    message Dimension { optional int64 dim_value = 1; optional string dim_param = 2; }
    repeated Dimension dim = 1;
  }`,
    { keepCase: true },
  )
  .root.lookupType('ModelProto');

interface DecodedTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data_type: number;
  readonly raw_data?: Uint8Array;
  readonly data_location?: number;
  readonly external_data: readonly { readonly key: string; readonly value: string }[];
}
interface DecodedAttribute {
  readonly name: string;
  readonly type: number;
  readonly f?: number;
  readonly i?: number;
  readonly s?: Uint8Array;
  readonly t?: DecodedTensor;
  readonly ints: readonly number[];
}
interface Decoded {
  readonly ir_version: number;
  readonly opset_import: readonly { readonly domain?: string; readonly version: number }[];
  readonly graph: {
    readonly node: readonly {
      readonly op_type: string;
      readonly input: readonly string[];
      readonly output: readonly string[];
      readonly attribute: readonly DecodedAttribute[];
    }[];
    readonly initializer: readonly DecodedTensor[];
    readonly input: readonly unknown[];
    readonly output: readonly unknown[];
  };
}

function decode(graph: Graph): Decoded {
  const message = proto.decode(serialize(graph, (file) => basename(file)));
  return proto.toObject(message, { longs: Number, arrays: true }) as unknown as Decoded;
}

/** An attribute's name and value: the field that its type names, in which a zero may be left out. */
function named({ name, type, f = 0, i = 0, s, ints }: DecodedAttribute): readonly [string, unknown] {
  const values: Readonly<Record<number, unknown>> = { 1: f, 2: i, 3: s && Buffer.from(s).toString(), 7: ints };
  return [name, values[type]];
}

const folder = mkdtempSync(join(tmpdir(), 'serialize-'));
after(() => rmSync(folder, { recursive: true }));

test('inputs and outputs keep names, types and symbols', () => {
  const b = new Builder();
  const ids = b.graph.input('ids', 'int64', ['batch', 'time']);
  const table = b.graph.input('table', 'float32', [10, 4]);
  b.outputAs('embedded', b.reshape(b.gather(table, ids), ['batch*time', 4]));
  const { graph } = decode(b.graph);
  const info = (name: string, elem_type: number, ...dim: object[]) => ({
    name,
    type: { tensor_type: { elem_type, shape: { dim } } },
  });
  assert.deepEqual(graph.input, [
    info('ids', 7, { dim_param: 'batch' }, { dim_param: 'time' }),
    info('table', 1, { dim_value: 10 }, { dim_value: 4 }),
  ]);
  assert.deepEqual(graph.output, [info('embedded', 1, { dim_param: 'batch*time' }, { dim_value: 4 })]);
});

test('the header names the operator set that the operators are taken from', () => {
  const { ir_version, opset_import } = decode(new Builder().graph);
  // No domain is the domain of ONNX itself.
  assert.deepEqual(opset_import, [{ version: 23 }]);
  // That of ONNX 1.16.
  assert.equal(ir_version, 10);
});

test('nodes keep their order, inputs, outputs and attributes', () => {
  const b = new Builder();
  const x = b.graph.input('x', 'float32', [2, 3]);
  const y = b.gemm(x, x, { transB: 1, alpha: 0.5, name: 'y' });
  const z = b.transpose(b.gelu(y, 'tanh'), [1, 0]);
  b.graph.output(b.concat([z, b.reduceSum(z, [1])], 1));
  b.graph.output(
    b.cast(
      b.layerNorm(x, b.floats('scale', new Float32Array(3)), b.floats('bias', new Float32Array(3)), 0.25),
      'float16',
    ),
  );
  const { node } = decode(b.graph).graph;
  assert.deepEqual(
    node.map(({ op_type, attribute }) => [op_type, Object.fromEntries(attribute.map(named))]),
    [
      ['Gemm', { transA: 0, transB: 1, alpha: 0.5 }],
      ['Gelu', { approximate: 'tanh' }],
      ['Transpose', { perm: [1, 0] }],
      // Axes are an input.
      ['ReduceSum', {}],
      ['Concat', { axis: 1 }],
      ['LayerNormalization', { axis: -1, epsilon: 0.25 }],
      ['Cast', { to: 10 }],
    ],
  );
  assert.deepEqual(node[0], { ...node[0], input: ['x', 'x'], output: ['y'] });
  assert.equal(node[5]!.output.length, 3);
});

test('only what the outputs need is written', () => {
  const b = new Builder();
  const x = b.graph.input('x', 'float32', [2]);
  b.graph.input('unused', 'float32', [2]);
  const used = b.mul(x, b.floats('used', Float32Array.of(1, 2)));
  b.exp(b.mul(used, b.floats('idle', Float32Array.of(3, 4))));
  b.graph.output(used);
  const { node, initializer, input } = decode(b.graph).graph;
  assert.deepEqual(
    node.map(({ op_type }) => op_type),
    ['Mul'],
  );
  assert.deepEqual(
    initializer.map(({ name }) => name),
    ['used'],
  );
  assert.equal(input.length, 2, 'inputs are a promise to the caller and stay');
});

test('constants are written where they lie: in the graph or in a file', () => {
  const b = new Builder();
  const x = b.graph.input('x', 'float32', [2]);
  const inline = b.floats('inline', Float32Array.of(1.5, -2));
  const external = b.graph.constant('weight', 'bfloat16', [2], {
    file: join(folder, 'model.safetensors'),
    offset: 4096,
    bytes: 4,
  });
  b.graph.output(b.add(b.mul(x, inline), b.cast(external, 'float32')));
  const { initializer } = decode(b.graph).graph;
  assert.deepEqual(initializer, [
    {
      name: 'inline',
      dims: [2],
      data_type: 1,
      raw_data: Buffer.from(Float32Array.of(1.5, -2).buffer),
      external_data: [],
    },
    {
      name: 'weight',
      dims: [2],
      data_type: 16,
      data_location: 1,
      external_data: [
        { key: 'location', value: 'model.safetensors' },
        { key: 'offset', value: '4096' },
        { key: 'length', value: '4' },
      ],
    },
  ]);
});

test('a runtime reads constants out of the file they lie in', async () => {
  const file = join(folder, 'weights.bin');
  writeFileSync(
    file,
    Uint8Array.from([0xff, 0xff, ...new Uint8Array(Uint16Array.of(0x3f80, 0xc000).buffer), 0xff, 0xff]),
  );
  const b = new Builder();
  const x = b.graph.input('x', 'float32', ['batch', 2]);
  const weight = b.graph.constant('weight', 'bfloat16', [2], { file, offset: 2, bytes: 4 });
  b.outputAs('y', b.mul(x, b.cast(weight, 'float32')));
  const session = await GraphSession.create(b.graph, 'cpu');
  try {
    const found = await session.run(new Map([['x', floats(Float32Array.of(1, 2, 3, 4), [2, 2])]]));
    assert.deepEqual([...floatOutput(found, 'y').data], [1, -4, 3, -8]);
  } finally {
    await session.close();
  }
});

test('a constant of a shape carries its value', () => {
  const b = new Builder();
  const x = b.graph.input('x', 'float32', ['batch', 3]);
  b.graph.output(b.filledLike(x, -2.5));
  const filled = decode(b.graph).graph.node.find(({ op_type }) => op_type === 'ConstantOfShape');
  const { name, type, t } = filled!.attribute[0]!;
  assert.deepEqual([name, type, t?.dims, t?.data_type], ['value', 4, [1], 1]);
  assert.deepEqual(t?.raw_data, Buffer.from(Float32Array.of(-2.5).buffer));
});
