import { readFloat32 } from '../checkpoint/tensorReading.ts';
import { peftTaskTypes } from '../models/task.ts';
import type { MergedTensor, Method, MethodFactory } from './method.ts';
import { firstValues } from './savedModules.ts';

/** Full fine-tuning: every weight of the model is trained, beginning with the checkpoint's. */
export const full: MethodFactory = (config, model): Method => ({
  peftType: 'FULL',
  structure: 'FULL',
  virtualTokens: 0,
  virtualHidden: false,
  virtualOnly: false,
  trainables: [
    ...[...model.weights.tensors].map(([name, { shape }]) => ({ name, dims: shape })),
    ...model.untrained.map(({ name, shape }) => ({ name, dims: shape })),
  ],
  hooks: (trained) => ({ weight: (name) => trained.get(name) }),
  merged: new Map(
    [...model.weights.tensors.keys()].map((name): [string, MergedTensor] => [name, (_, trained) => trained.get(name)!]),
  ),
  config: { ...config, peft_type: 'FULL', task_type: peftTaskTypes[model.task], base_model_name_or_path: model.dir },
  initialise: async ({ random }) => {
    const tensors = new Map<string, Float32Array>();
    for (const [name, info] of model.weights.tensors) tensors.set(name, await readFloat32(info));
    const untrained = model.untrained.map(({ name, shape }) => ({ weight: name, name, dims: shape }));
    return new Map([...tensors, ...(await firstValues(untrained, { model, random }))]);
  },
});
