import type { TrainableSpec } from '../models/attachment.ts';
import { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';
import { floatOutput, GraphSession } from '../runtime/session.ts';
import { floats } from '../runtime/tensor.ts';
import type { EncoderLayer, EncoderTensor } from './encoderLayers.ts';
import type { FactorPair, InitContext, Method, TrainedTensors } from './method.ts';
import type { PromptForm } from './promptConfig.ts';
import { firstValues } from './savedModules.ts';

/** The one tensor of PEFT's prompt methods, a row for each virtual token, under PEFT's name. */
export const promptEmbeddings = 'prompt_embeddings';

/** The table of the encoder's inputs, one for each virtual token. */
const embedding = 'embedding.weight';

/** What makes a method's tensors out of others, which are trained in their place. It ends with training. */
export interface Reparametrisation {
  readonly trainables: readonly TrainableSpec[];
  /** The method's tensors from the trained ones. */
  readonly encode: (b: Builder, trained: ReadonlyMap<string, Value>) => ReadonlyMap<string, Value>;
  /** Whether the trained ones are kept beside PEFT's files, so that training can go on from them. */
  readonly kept: boolean;
  /** The pairs of low-rank factors among the trained ones. */
  readonly factorPairs?: readonly FactorPair[];
}

/** The network that makes a prompt, https://arxiv.org/abs/2101.00190, section 4.3; its tensors have PEFT's names inside it. */
export interface PromptEncoder extends Reparametrisation {
  /** First values, drawn as torch draws them. */
  readonly initialise: (context: InitContext) => Promise<TrainedTensors>;
}

/** An encoder of layers one after another over a table `[virtual, width]` of inputs; a classification's head passes as it is. */
export function promptEncoder(
  { count, copies, table, saved }: PromptForm,
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
      return new Map([[table, encoded], ...saved.map(({ name }) => [name, trained.get(name)!] as const)]);
    },
    kept: true,
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
  const { encoder, penalty } = method;
  if (encoder === undefined) return method;
  return {
    ...method,
    structure: `${method.structure} from ${encoder.trainables.map(({ name, dims }) => `${name} ${dims}`).join()}`,
    trainables: encoder.trainables,
    ...(encoder.factorPairs && { factorPairs: encoder.factorPairs }),
    hooks: (trained, b) => method.hooks(encoder.encode(b, trained), b),
    ...(penalty && { penalty: (trained, b) => penalty(encoder.encode(b, trained), b) }),
  };
}

/** What an encoder makes of its tensors: those of the method. */
export async function encodedTensors(
  { trainables }: Method,
  encoder: Reparametrisation,
  trained: TrainedTensors,
): Promise<TrainedTensors> {
  const b = new Builder();
  // What passes as it is has one name on both sides, which a graph does not allow.
  const inputName = (name: string) => `trained:${name}`;
  const inputs = encoder.trainables.map(
    ({ name, dims }) => [name, b.graph.input(inputName(name), 'float32', dims)] as const,
  );
  for (const [name, value] of encoder.encode(b, new Map(inputs))) b.outputAs(name, value);
  const session = await GraphSession.create(b.graph, 'cpu');
  try {
    const given = encoder.trainables.map(
      ({ name, dims }) => [inputName(name), floats(trained.get(name)!, dims)] as const,
    );
    const outputs = await session.run(new Map(given));
    return new Map(trainables.map(({ name }) => [name, floatOutput(outputs, name).data]));
  } finally {
    await session.close();
  }
}
