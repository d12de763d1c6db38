import protobuf from 'protobufjs/light.js';
import type { DType, Value } from './dims.ts';
import type { Constant, ExternalBytes, Graph, Node } from './graph.ts';
import type { Operator } from './operators.ts';

/** ONNX's operator set version that graphs are written for. */
export const opset = 23;

/** TensorProto.DataType numbers. */
const dataTypes = { float32: 1, int64: 7, bool: 9, float16: 10, bfloat16: 16 } satisfies Record<DType, number>;

/** AttributeProto.AttributeType numbers. */
const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, ints: 7 } as const;

/** Attributes that only shape inference knows. */
const staticAttributes = new Set(['dims', 'parts', 'stopsGradient']);

/** The part of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) that a graph needs. */
const onnx = protobuf.Root.fromJSON({
  nested: {
    ModelProto: message(
      'ir_version:int64=1 producer_name:string=2 graph:GraphProto=7 opset_import:OperatorSetIdProto[]=8',
    ),
    OperatorSetIdProto: message('domain:string=1 version:int64=2'),
    GraphProto: message(
      'node:NodeProto[]=1 name:string=2 initializer:TensorProto[]=5 input:ValueInfoProto[]=11 output:ValueInfoProto[]=12',
    ),
    NodeProto: message(
      'input:string[]=1 output:string[]=2 name:string=3 op_type:string=4 attribute:AttributeProto[]=5',
    ),
    AttributeProto: message('name:string=1 f:float=2 i:int64=3 s:bytes=4 t:TensorProto=5 ints:int64[]=8 type:int32=20'),
    TensorProto: message(
      'dims:int64[]=1 data_type:int32=2 name:string=8 raw_data:bytes=9 external_data:StringStringEntryProto[]=13 data_location:int32=14',
    ),
    StringStringEntryProto: message('key:string=1 value:string=2'),
    ValueInfoProto: message('name:string=1 type:TypeProto=2'),
    TypeProto: message('tensor_type:TensorTypeProto=1'),
    TensorTypeProto: message('elem_type:int32=1 shape:TensorShapeProto=2'),
    TensorShapeProto: message('dim:DimensionProto[]=1'),
    DimensionProto: message('dim_value:int64=1 dim_param:string=2'),
  },
});
const ModelProto = onnx.lookupType('ModelProto');

/** A message type from `name:type=number` fields; `[]` marks repeated ones. */
function message(fields: string): protobuf.IType {
  return {
    fields: Object.fromEntries(
      fields.split(' ').map((field) => {
        const [name, type, id] = field.split(/[:=]/) as [string, string, string];
        const repeated = type.endsWith('[]');
        return [name, { type: type.replace('[]', ''), id: Number(id), ...(repeated ? { rule: 'repeated' } : {}) }];
      }),
    ),
  };
}

/**
 * The bytes of an .onnx file that computes the graph's outputs. Only what the outputs need is written.
 * `locate` gives the name, relative to the .onnx file, under which a file of external bytes will be found.
 */
export function serialize(graph: Graph, locate: (file: string) => string): Uint8Array {
  const { nodes, constants } = needed(graph);
  return ModelProto.encode({
    ir_version: 10,
    producer_name: 'softprompt',
    opset_import: [{ domain: '', version: opset }],
    graph: {
      name: 'softprompt',
      node: nodes.map(nodeProto),
      initializer: constants.map((constant) => tensorProto(constant, locate)),
      input: graph.inputs.map(valueInfo),
      output: graph.outputs.map(valueInfo),
    },
  }).finish();
}

/** Nodes and constants on which some output depends, in order. */
export function needed(graph: Graph): { readonly nodes: readonly Node[]; readonly constants: readonly Constant[] } {
  const wanted = new Set<string>(graph.outputs.map((value) => value.name));
  const nodes = graph.nodes.toReversed().filter((node) => {
    if (!node.outputs.some((output) => wanted.has(output.name))) return false;
    for (const input of node.inputs) wanted.add(input.name);
    return true;
  });
  return { nodes: nodes.reverse(), constants: [...graph.constants.values()].filter((c) => wanted.has(c.value.name)) };
}

function nodeProto(node: Node): object {
  return {
    op_type: node.op,
    name: node.outputs[0]!.name,
    input: node.inputs.map((value) => value.name),
    output: node.outputs.map((value) => value.name),
    attribute: Object.entries(node.attributes).flatMap(([name, value]) => attributeProto(node.op, name, value)),
  };
}

function attributeProto(op: Operator, name: string, value: unknown): object[] {
  // Axes of reductions are an input since opset 18; keeping the reduced axes is the default.
  if (staticAttributes.has(name) || (name === 'axes' && op.startsWith('Reduce'))) return [];
  if (op === 'ConstantOfShape') {
    const data = new Uint8Array(Float32Array.of(value as number).buffer);
    return [{ name, type: attributeTypes.tensor, t: { dims: [1], data_type: dataTypes.float32, raw_data: data } }];
  }
  if (name === 'to') return [{ name, type: attributeTypes.int, i: dataTypes[value as DType] }];
  if (typeof value === 'string') return [{ name, type: attributeTypes.string, s: new TextEncoder().encode(value) }];
  if (Array.isArray(value)) return [{ name, type: attributeTypes.ints, ints: value }];
  if (name === 'alpha' || name === 'epsilon') return [{ name, type: attributeTypes.float, f: value }];
  return [{ name, type: attributeTypes.int, i: value }];
}

function tensorProto({ value, data }: Constant, locate: (file: string) => string): object {
  const base = { name: value.name, dims: value.dims, data_type: dataTypes[value.dtype] };
  return data instanceof Uint8Array
    ? { ...base, raw_data: data }
    : { ...base, data_location: 1, external_data: externalData(data, locate) };
}

function externalData(data: ExternalBytes, locate: (file: string) => string): object[] {
  return [
    { key: 'location', value: locate(data.file) },
    { key: 'offset', value: String(data.offset) },
    { key: 'length', value: String(data.bytes) },
  ];
}

function valueInfo(value: Value): object {
  const dim = value.dims.map((d) => (typeof d === 'number' ? { dim_value: d } : { dim_param: d }));
  return { name: value.name, type: { tensor_type: { elem_type: dataTypes[value.dtype], shape: { dim } } } };
}
