/** What a model is trained to do, by its loss: continue a text, write another text for it, or name its class. */
export type Task = 'causal_lm' | 'seq_2_seq_lm' | 'seq_cls';

/** PEFT's names of the tasks (`task_type`). */
export const peftTaskTypes = {
  causal_lm: 'CAUSAL_LM',
  seq_2_seq_lm: 'SEQ_2_SEQ_LM',
  seq_cls: 'SEQ_CLS',
} as const satisfies Record<Task, string>;
