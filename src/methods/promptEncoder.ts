import type { TrainableSpec } from '../models/attachment.ts';
import { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';
import { floatOutput, GraphSession } from '../runtime/session.ts';
import { floats } from '../runtime/tensor.ts';
import type { EncoderLayer, EncoderTensor } from './encoderLayers.ts';
import type { InitContext, Method, TrainedTensors } from './method.ts';
import type { PromptForm } from './promptConfig.ts';
import { firstValues } from './savedModules.ts';

/** The one tensor of PEFT's prompt methods, a row for each virtual token, under PEFT's name. */
export const promptEmbeddings = 'prompt_embeddings';

/** The table of the encoder's inputs, one for each virtual token. */
const embedding = 'embedding.weight';

/**
 * What makes a prompt out of other tensors, which are trained in its place: re-parametrisation,
 * https://arxiv.org/abs/2101.00190, section 4.3. It ends with training: the model reads its output alone.
 */
export interface PromptEncoder {
  /** What is trained, by PEFT's names inside the encoder. */
  readonly trainables: readonly TrainableSpec[];
  /** The method's tensors from the trained ones. */
  readonly encode: (b: Builder, trained: ReadonlyMap<string, Value>) => ReadonlyMap<string, Value>;
  /** First values, drawn as torch draws them. */
  readonly initialise: (context: InitContext) => Promise<TrainedTensors>;
}

/** An encoder of layers one after another over a table `[virtual, width]` of inputs; a classification's head passes as it is. */
export function promptEncoder(
  { count, copies, saved }: PromptForm,
  width: number,
  layers: readonly EncoderLayer[],
): PromptEncoder {
  const tensors: readonly EncoderTensor[] = [
    { name: embedding, dims: [copies * count, width], draw: (random) => random.normal() },
    ...layers.flatMap((layer) => layer.tensors),
  ];
  return {
    trainables: [...tensors, ...saved].map(({ name, dims }) => ({ name, dims })),
    encode: (b, trained) => {
      const encoded = layers.reduce((x, layer) => layer.apply(b, trained, x), trained.get(embedding)!);
      return new Map([[promptEmbeddings, encoded], ...saved.map(({ name }) => [name, trained.get(name)!] as const)]);
    },
    initialise: async (context) => {
      const first = tensors.map(({ name, dims, draw }) => {
        const length = dims.reduce((n, size) => n * size, 1);
        return [name, Float32Array.from({ length }, () => draw(context.random))] as const;
      });
      return new Map([...first, ...(await firstValues(saved, context))]);
    },
  };
}

/** A method as it is trained: through its encoder, where it has one. */
export function trainingForm(method: Method): Method {
  const { encoder } = method;
  if (encoder === undefined) return method;
  return {
    ...method,
    structure: `${method.structure} from ${encoder.trainables.map(({ name, dims }) => `${name} ${dims}`).join()}`,
    trainables: encoder.trainables,
    hooks: (trained, b) => method.hooks(encoder.encode(b, trained), b),
  };
}

/** What an encoder makes of its tensors: those of the method. */
export async function encodedTensors(
  { trainables }: Method,
  encoder: PromptEncoder,
  trained: TrainedTensors,
): Promise<TrainedTensors> {
  const b = new Builder();
  const inputs = encoder.trainables.map(({ name, dims }) => [name, b.graph.input(name, 'float32', dims)] as const);
  const own = new Set(inputs.map(([name]) => name));
  for (const [name, value] of encoder.encode(b, new Map(inputs))) if (!own.has(name)) b.outputAs(name, value);
  const session = await GraphSession.create(b.graph, 'cpu');
  try {
    const given = encoder.trainables.map(({ name, dims }) => [name, floats(trained.get(name)!, dims)] as const);
    const outputs = await session.run(new Map(given));
    // A classification's head passes as it is.
    const made = (name: string) => (own.has(name) ? trained.get(name)! : floatOutput(outputs, name).data);
    return new Map(trainables.map(({ name }) => [name, made(name)]));
  } finally {
    await session.close();
  }
}
