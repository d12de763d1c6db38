import type { ModelConfig } from '../checkpoint/config.ts';
import type { Value } from '../onnx/dims.ts';
import type { CheckpointForm, Decoder, Segment, Stack, WeightSpec } from './decoder.ts';
import type { Scope } from './scope.ts';
import type { KeyValue } from './sites.ts';
import type { TokenEmbedding } from './tokenEmbedding.ts';

/** What turns one hidden state of a row into logits of classes: an encoder's first, a decoder's last. */
export interface Classifier {
  /** Its outermost modules: what PEFT trains whole in every classification. */
  readonly modules: readonly string[];
  readonly weights: (classes: number) => readonly WeightSpec[];
  /** Rows `[n, width]` after the final norm to logits `[n, classes]`. */
  readonly logits: (scope: Scope, x: Value) => Value;
}

/** Layers in which every position sees every other one, and what a classifier makes of them. */
export interface Encoder extends Stack, CheckpointForm {
  readonly kind: 'encoder';
  readonly classifier: Classifier;
}

/** An encoder that reads a row, and a decoder that attends to it while it writes another one. */
export interface EncoderDecoder extends CheckpointForm {
  readonly kind: 'encoder_decoder';
  /** Of the decoder; both have the same widths. */
  readonly sizes: Stack['sizes'];
  readonly tokenEmbedding: TokenEmbedding;
  readonly encoder: Stack;
  readonly decoder: Stack;
  /** Keys and values `[batch, heads, source, headDim]` of a decoder layer's cross-attention, of the encoder's `x` `[batch * source, hidden]`. */
  readonly crossKeyValue: (scope: Scope, layer: number, x: Value, source: Source) => KeyValue;
  /** Rows `[n, hidden]` after the decoder's final norm to logits `[n, vocabulary]`. */
  readonly head: (scope: Scope, x: Value) => Value;
  /** The module path of the head. */
  readonly headModule: string;
  /** The token that every written row begins with. */
  readonly startToken: number;
}

/** The shape of what the encoder read. */
export type Source = Pick<Segment, 'batch' | 'time'>;

/** A model as a function from a config to graph blocks; by kind. */
export type Architecture = Decoder | Encoder | EncoderDecoder;

/** The name of a kind. */
export type ArchitectureKind = Architecture['kind'];

/** Reads a family's config.json. */
export type ArchitectureFamily = (config: ModelConfig) => Architecture;
