import type { DecoderSizes } from './decoder.ts';
import type { Model } from './model.ts';

/** How llama.cpp's converter lays a model out (convert_hf_to_gguf.py): what it calls it, its matrices and their rows. */
export interface GgufNaming {
  /** `general.architecture`. */
  readonly architecture: string;
  /** A matrix by its module's path; null for one that has no place there. */
  readonly matrix: (path: string) => GgufMatrix | null;
}

/** A linear layer's weight `[out, in]` in a GGUF file. */
export interface GgufMatrix {
  readonly name: string;
  /** Which row of the checkpoint's weight each row is; null where they stand as they stood. */
  readonly rows: readonly number[] | null;
}

/** What a family calls its modules, by the end of their path inside a layer, or the head's path. */
type Modules = Readonly<Record<string, string>>;
type Rows = (sizes: DecoderSizes) => readonly number[];

interface Family {
  readonly architecture: string;
  /** The path of a layer up to its number. */
  readonly layers: string;
  readonly modules: Modules;
  readonly head: string;
  /** Modules whose rows are in another order there. */
  readonly rows?: Readonly<Record<string, Rows>>;
}

const llamaModules: Modules = {
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};
const llamaLike = (architecture: string): Family => ({
  architecture,
  layers: 'model.layers',
  modules: llamaModules,
  head: 'lm_head',
});
/** Where llama.cpp rotates neighbouring dimensions instead of halves: the rows of a head alternate between them. */
const interleaved = (architecture: string): Family => ({
  ...llamaLike(architecture),
  rows: {
    'self_attn.q_proj': ({ heads, headDim }) => alternating(heads, headDim),
    'self_attn.k_proj': ({ kvHeads, headDim }) => alternating(kvHeads, headDim),
  },
});

/** By transformers' `model_type`. OPT is missing: llama.cpp does not know it. */
const families: Readonly<Record<string, Family>> = {
  gemma: llamaLike('gemma'),
  gemma2: llamaLike('gemma2'),
  gemma3_text: llamaLike('gemma3'),
  gpt2: {
    architecture: 'gpt2',
    layers: 'transformer.h',
    modules: {
      'attn.c_attn': 'attn_qkv',
      'attn.c_proj': 'attn_output',
      'mlp.c_fc': 'ffn_up',
      'mlp.c_proj': 'ffn_down',
    },
    head: 'lm_head',
  },
  gpt_neox: {
    architecture: 'gptneox',
    layers: 'gpt_neox.layers',
    modules: {
      'attention.query_key_value': 'attn_qkv',
      'attention.dense': 'attn_output',
      'mlp.dense_h_to_4h': 'ffn_up',
      'mlp.dense_4h_to_h': 'ffn_down',
    },
    head: 'embed_out',
    rows: { 'attention.query_key_value': ({ heads, headDim }) => byKind(heads, headDim) },
  },
  llama: interleaved('llama'),
  mistral: interleaved('llama'),
  olmo2: llamaLike('olmo2'),
  phi: {
    architecture: 'phi2',
    layers: 'model.layers',
    modules: {
      'self_attn.q_proj': 'attn_q',
      'self_attn.k_proj': 'attn_k',
      'self_attn.v_proj': 'attn_v',
      'self_attn.dense': 'attn_output',
      'mlp.fc1': 'ffn_up',
      'mlp.fc2': 'ffn_down',
    },
    head: 'lm_head',
  },
  phi3: {
    architecture: 'phi3',
    layers: 'model.layers',
    modules: {
      'self_attn.qkv_proj': 'attn_qkv',
      'self_attn.o_proj': 'attn_output',
      'mlp.gate_up_proj': 'ffn_up',
      'mlp.down_proj': 'ffn_down',
    },
    head: 'lm_head',
  },
  qwen2: llamaLike('qwen2'),
  qwen3: llamaLike('qwen3'),
  smollm3: interleaved('smollm3'),
};

/** The model types that have a GGUF form here. */
export const ggufModelTypes: readonly string[] = Object.keys(families);

/** How llama.cpp names a model's matrices; null for an architecture it does not know. */
export function ggufNaming({ modelType, architecture: { sizes } }: Model): GgufNaming | null {
  if (!Object.hasOwn(families, modelType)) return null;
  const { architecture, layers, modules, head, rows } = families[modelType]!;
  return {
    architecture,
    matrix: (path) => {
      if (path === head) return { name: 'output.weight', rows: null };
      const [, layer, module] = /^(\d+)\.(.+)$/.exec(path.slice(layers.length + 1)) ?? [];
      if (!path.startsWith(`${layers}.`) || module === undefined || !Object.hasOwn(modules, module)) return null;
      return { name: `blk.${layer}.${modules[module]}.weight`, rows: rows?.[module]?.(sizes) ?? null };
    },
  };
}

/** Rows of each head in turn from its first half and its second (`LlamaModel.permute`). */
function alternating(heads: number, headDim: number): readonly number[] {
  const half = headDim / 2;
  return Array.from({ length: heads * headDim }, (_, row) => {
    const within = row % headDim;
    return row - within + (within % 2) * half + Math.floor(within / 2);
  });
}

/** All heads' queries, then keys, then values, where each head's three stood together (`GPTNeoXModel.modify_tensors`). */
function byKind(heads: number, headDim: number): readonly number[] {
  return Array.from({ length: 3 * heads * headDim }, (_, row) => {
    const kind = Math.floor(row / (heads * headDim));
    const head = Math.floor(row / headDim) % heads;
    return (3 * head + kind) * headDim + (row % headDim);
  });
}
