import type { JsonObject } from '../checkpoint/json.ts';

/** AdapterHub's defaults of a bottleneck adapter (`BnConfig`), the keys of its `config` in adapter_config.json. */
const defaults: JsonObject = {
  adapter_residual_before_ln: false,
  cross_adapter: false,
  dropout: 0,
  factorized_phm_W: true,
  factorized_phm_rule: false,
  hypercomplex_nonlinearity: 'glorot-uniform',
  init_weights: 'bert',
  inv_adapter: null,
  inv_adapter_reduction_factor: null,
  is_parallel: false,
  learn_phm: true,
  leave_out: [],
  ln_after: false,
  ln_before: false,
  original_ln_after: true,
  original_ln_before: false,
  phm_bias: true,
  phm_c_init: 'normal',
  phm_dim: 4,
  phm_init_range: 0.0001,
  phm_layer: false,
  phm_rank: 1,
  residual_before_ln: true,
  scaling: 1,
  shared_W_phm: false,
  shared_phm_rule: true,
  use_gating: false,
};

/** Pfeiffer et al. 2020, https://arxiv.org/abs/2005.00247. */
const sequential: JsonObject = {
  ...defaults,
  mh_adapter: false,
  non_linearity: 'relu',
  original_ln_before: true,
  output_adapter: true,
  reduction_factor: 16,
};

/** Houlsby et al. 2019, https://arxiv.org/abs/1902.00751. */
const doubleSequential: JsonObject = {
  ...defaults,
  mh_adapter: true,
  non_linearity: 'swish',
  output_adapter: true,
  reduction_factor: 16,
};

/** He et al. 2021, https://arxiv.org/abs/2110.04366. */
const parallel: JsonObject = {
  ...defaults,
  init_weights: 'mam_adapter',
  is_parallel: true,
  mh_adapter: false,
  non_linearity: 'relu',
  output_adapter: true,
  reduction_factor: 2,
  scaling: 4,
};

/** AdapterHub's configurations by its names, old ones among them (`ADAPTER_CONFIG_MAP`); only what can be trained here. */
export const bottleneckPresets = {
  double_seq_bn: doubleSequential,
  houlsby: doubleSequential,
  par_bn: parallel,
  parallel,
  pfeiffer: sequential,
  scaled_par_bn: { ...parallel, scaling: 'learned' },
  scaled_parallel: { ...parallel, scaling: 'learned' },
  seq_bn: sequential,
} as const satisfies Record<string, JsonObject>;

/** The name of one of them. */
export type BottleneckPreset = keyof typeof bottleneckPresets;

/** The keys of a configuration, whatever the preset. */
export const bottleneckKeys: readonly string[] = Object.keys(sequential);
