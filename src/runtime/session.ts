import { realpath } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Graph } from '../onnx/graph.ts';
import { serialize } from '../onnx/serialize.ts';
import type { Device } from './devices.ts';
import { loadOnnxRuntime } from './onnxRuntime.ts';
import type { FloatTensor, Tensor, Tensors } from './tensor.ts';

/** A graph ready to run on a device. Close it when done: its memory is native. */
export class GraphSession {
  readonly #session: InferenceSession;
  /** Runs that have not come back. */
  readonly #running = new Set<Promise<unknown>>();

  private constructor(session: InferenceSession) {
    this.#session = session;
  }

  /**
   * Prepares a graph. Constants that lie in files are mapped from there, not read: all such files must lie in one folder.
   */
  static async create(graph: Graph, device: Device): Promise<GraphSession> {
    return GraphSession.#prepare(device, async (ort) => {
      const files = await realFiles(graph);
      const model = serialize(graph, (file) => basename(files.get(file)!));
      return ort.InferenceSession.create(model, sessionOptions(device, externalFolder(files)));
    });
  }

  /** Prepares a graph that lies in an .onnx file, with its weights in the same folder. */
  static async open(file: string, device: Device): Promise<GraphSession> {
    return GraphSession.#prepare(device, (ort) => ort.InferenceSession.create(file, sessionOptions(device, {})));
  }

  static async #prepare(
    device: Device,
    make: (ort: typeof import('onnxruntime-node')) => Promise<InferenceSession>,
  ): Promise<GraphSession> {
    const ort = await loadOnnxRuntime();
    try {
      return new GraphSession(await make(ort));
    } catch (error) {
      throw new SoftpromptError('device-failed', { device, problem: (error as Error).message }, { cause: error });
    }
  }

  /** Runs the graph on inputs by name; gives its outputs by name. */
  async run(inputs: Tensors): Promise<Tensors> {
    const ort = await loadOnnxRuntime();
    const feeds: Record<string, InstanceType<typeof ort.Tensor>> = {};
    for (const name of this.#session.inputNames) {
      const tensor = inputs.get(name);
      if (tensor === undefined) throw new SoftpromptError('internal', { problem: `no tensor for graph input ${name}` });
      feeds[name] = new ort.Tensor(tensor.dtype, tensor.data, tensor.dims);
    }
    const running = this.#session.run(feeds);
    this.#running.add(running);
    const results = await running.finally(() => this.#running.delete(running));
    return new Map(
      Object.entries(results).map(([name, { type, dims, data }]) => [name, { dtype: type, dims, data } as Tensor]),
    );
  }

  /** Frees the session's native memory, once a run that nobody waits for any more is over. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#running);
    await this.#session.release();
  }
}

/**
 * Waiting threads sleep instead of spinning: an editor shares the machine. Weights stay in the mapped file and are shared by all sessions over it: repacking them would give every session a copy
 * of its own (docs/design.md, "What was measured").
 */
const sessionEntries = { disable_prepacking: '1', 'intra_op.allow_spinning': '0' };

function sessionOptions(device: Device, entries: Readonly<Record<string, string>>): InferenceSession.SessionOptions {
  return {
    executionProviders: [device],
    logSeverityLevel: 3,
    intraOpNumThreads: availableParallelism(),
    extra: { session: { ...sessionEntries, ...entries } },
  };
}

/** Where a graph's files lie. The Hub's cache holds links, and the runtime does not follow one out of its folder. */
async function realFiles(graph: Graph): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const { data } of graph.constants.values()) {
    if (data instanceof Uint8Array || files.has(data.file)) continue;
    files.set(data.file, await realpath(data.file));
  }
  return files;
}

function externalFolder(files: ReadonlyMap<string, string>): Record<string, string> {
  const [file] = files.values();
  return file === undefined ? {} : { model_external_initializers_file_folder_path: dirname(file) };
}

/** A float output by name. */
export function floatOutput(outputs: Tensors, name: string): FloatTensor {
  const tensor = outputs.get(name);
  if (tensor?.dtype !== 'float32')
    throw new SoftpromptError('internal', { problem: `graph output ${name} is missing` });
  return tensor;
}
