import { ModelConfig } from '../checkpoint/config.ts';
import { bidirectionalLstm, type EncoderLayer, linear, relu } from './encoderLayers.ts';
import type { Method, MethodFactory } from './method.ts';
import { promptEncoder } from './promptEncoder.ts';
import { softPrompt } from './softPrompt.ts';

/** The encoders by PEFT's names: their layers, from inputs of a width through hidden ones back to it. */
const encoders = {
  MLP: (width, hidden) => [
    linear('mlp_head.0', width, hidden),
    relu,
    linear('mlp_head.2', hidden, hidden),
    relu,
    linear('mlp_head.4', hidden, width),
  ],
  LSTM: (width, hidden, layers) => [
    bidirectionalLstm('lstm_head', width, hidden, layers),
    linear('mlp_head.0', 2 * hidden, 2 * hidden),
    relu,
    linear('mlp_head.2', 2 * hidden, width),
  ],
} satisfies Record<string, (width: number, hidden: number, layers: number) => readonly EncoderLayer[]>;

/** Soft prompts that a small network makes, and that is what is trained: Liu et al., https://arxiv.org/abs/2103.10385. */
export const pTuning: MethodFactory = (config, model, source): Method => {
  const options = new ModelConfig(source, config);
  const prompt = softPrompt(options, model);
  const kind = options.string('encoder_reparameterization_type', 'MLP');
  if (!Object.hasOwn(encoders, kind)) {
    const known = Object.keys(encoders).join(', ');
    throw options.invalid('encoder_reparameterization_type', `is "${kind}"; known are ${known}`);
  }
  const hidden = options.count('encoder_hidden_size', prompt.width);
  const layers = options.count('encoder_num_layers', 2);
  const dropout = options.optionalNumber('encoder_dropout') ?? 0;
  const encoder = promptEncoder(
    prompt,
    prompt.width,
    encoders[kind as keyof typeof encoders](prompt.width, hidden, layers),
  );
  return {
    peftType: 'P_TUNING',
    ...prompt.shape,
    wholeWeights: prompt.saved,
    encoder,
    config: {
      ...prompt.config,
      encoder_dropout: dropout,
      encoder_hidden_size: hidden,
      encoder_num_layers: layers,
      encoder_reparameterization_type: kind,
      peft_type: 'P_TUNING',
      ...config,
    },
    initialise: encoder.initialise,
  };
};
