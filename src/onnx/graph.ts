import { SoftpromptError } from '../foundation/errors.ts';
import type { Dim, DType, Value } from './dims.ts';
import type { Operator, OperatorAttributes } from './operators.ts';
import { ruleOf } from './rules/table.ts';

/** One application of an operator. */
export interface Node<O extends Operator = Operator> {
  readonly op: O;
  readonly attributes: OperatorAttributes[O];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** Bytes of a constant that lie in a file, as ONNX external data does. */
export interface ExternalBytes {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

/** A constant: its little-endian bytes, or where they lie. */
export interface Constant {
  readonly value: Value;
  readonly data: Uint8Array | ExternalBytes;
}

/**
 * A graph under construction. Nodes are kept in the order they were added, which is a topological order; shapes are
 * inferred as nodes are added, so a mistake fails where it is made and names the tensor.
 */
export class Graph {
  readonly nodes: Node[] = [];
  readonly inputs: Value[] = [];
  readonly outputs: Value[] = [];
  readonly constants = new Map<string, Constant>();
  /** Names in use, with the number of the last one made from it. */
  readonly #names = new Map<string, number>();
  readonly #producers = new Map<Value, Node>();

  /** Declares an input. */
  input(name: string, dtype: DType, dims: readonly Dim[]): Value {
    const value = this.#declare(name, dtype, dims);
    this.inputs.push(value);
    return value;
  }

  /** Declares a constant. */
  constant(name: string, dtype: DType, dims: readonly number[], data: Uint8Array | ExternalBytes): Value {
    const value = this.#declare(this.#fresh(name), dtype, dims);
    this.constants.set(value.name, { value, data });
    return value;
  }

  /** Marks a value as an output. */
  output(value: Value): void {
    if (!this.outputs.includes(value)) this.outputs.push(value);
  }

  /** Adds a node; `name` is what its (first) output should be called, made unique if it must be. */
  add<O extends Operator>(op: O, inputs: readonly Value[], attributes: OperatorAttributes[O], name?: string): Node<O> {
    const base = name ?? op;
    const fail = (problem: string): never => {
      throw new SoftpromptError('graph-shape', {
        tensor: `${base} (${op} of ${inputs.map((v) => v.name).join(', ')})`,
        problem,
      });
    };
    const types = ruleOf(op).shape({ inputs, attributes, fail });
    const outputs = types.map(({ dtype, dims }) => this.#declare(this.#fresh(base), dtype, dims));
    const node: Node<O> = { op, attributes, inputs, outputs };
    this.nodes.push(node as Node);
    for (const output of outputs) this.#producers.set(output, node as Node);
    return node;
  }

  /** The node that makes a value; undefined for inputs and constants. */
  producer(value: Value): Node | undefined {
    return this.#producers.get(value);
  }

  #declare(name: string, dtype: DType, dims: readonly Dim[]): Value {
    if (this.#names.has(name)) throw new SoftpromptError('graph-shape', { tensor: name, problem: 'declared twice' });
    this.#names.set(name, 0);
    return { name, dtype, dims };
  }

  #fresh(base: string): string {
    let last = this.#names.get(base);
    if (last === undefined) return base;
    let name: string;
    do name = `${base}_${++last}`;
    while (this.#names.has(name));
    this.#names.set(base, last);
    return name;
  }
}
