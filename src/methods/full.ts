import { readFloat32 } from '../checkpoint/tensorReading.ts';
import { peftTaskTypes } from '../models/task.ts';
import { type MergedTensor, type Method, type MethodFactory, noPositions } from './method.ts';
import { firstValues, type TrainedWeight } from './savedModules.ts';

/** Full fine-tuning: every weight of the model is trained, beginning with the checkpoint's. */
export const full: MethodFactory = (config, model): Method => ({
  peftType: 'FULL',
  structure: 'FULL',
  ...noPositions,
  trainables: [...model.weights.tensors.values(), ...model.untrained].map(({ name, shape }) => ({ name, dims: shape })),
  hooks: (trained) => ({ weight: (name) => trained.get(name) }),
  wholeWeights: [...model.weights.tensors.values(), ...model.untrained].map(wholeWeight),
  merged: new Map(
    [...model.weights.tensors.keys()].map((name): [string, MergedTensor] => [name, (_, trained) => trained.get(name)!]),
  ),
  config: { ...config, peft_type: 'FULL', task_type: peftTaskTypes[model.task], base_model_name_or_path: model.dir },
  initialise: async ({ random }) => {
    const tensors = new Map<string, Float32Array>();
    for (const [name, info] of model.weights.tensors) tensors.set(name, await readFloat32(info));
    return new Map([...tensors, ...(await firstValues(model.untrained.map(wholeWeight), { model, random }))]);
  },
});

function wholeWeight({ name, shape }: { readonly name: string; readonly shape: readonly number[] }): TrainedWeight {
  return { weight: name, name, dims: shape };
}
