/**
 * Every error a user can cause or meet has a reason from the closed set below, with typed details.
 * This table is the one place that turns a reason into words: what is wrong, where, what to do.
 * To add one: add an entry; throw `new SoftpromptError('reason', { ... })`.
 */

/** Words for a person: `what` is one sentence naming file, line or tensor; `todo` says what to do about it. */
export interface Words {
  readonly what: string;
  readonly todo?: string;
  /** 'request': the request was wrong (exit status 2); 'work': the work failed (exit status 1). Default 'request'. */
  readonly fault?: 'request' | 'work';
}

/** Where a row of a data file is. */
export interface RowPlace {
  readonly file: string;
  readonly line: number;
}

function rowPlace(row: RowPlace | undefined): string {
  return row === undefined ? '' : `${row.file}, line ${row.line}: `;
}

/** Words for each reason. */
export const errorWords = {
  cancelled: (_: object): Words => ({ what: 'Cancelled.', fault: 'work' }),
  internal: (d: { problem: string }): Words => ({
    what: `Internal error: ${d.problem}`,
    todo: 'Please report this with the log.',
    fault: 'work',
  }),
  'file-missing': (d: { file: string; needed?: string }): Words => ({
    what: `${d.file}: no such file${d.needed === undefined ? '' : ` (${d.needed})`}.`,
    todo: 'Check the path.',
  }),
  'file-unreadable': (d: { file: string; problem: string }): Words => ({ what: `${d.file}: ${d.problem}` }),
  'file-system': (d: { path: string | null; problem: string }): Words => ({
    what: `${d.path === null ? 'A file cannot be written' : d.path}: ${d.problem}.`,
    todo: 'Make room, or see that you may write there, and try again.',
    fault: 'work',
  }),
  'training-diverged': (d: { step: number; loss: number; gradientNorm: number }): Words => ({
    what: `Step ${d.step}: the loss is ${d.loss} and its gradient's norm ${d.gradientNorm}, from which nothing can be learnt.`,
    todo: 'Lower training.learning_rate, or clip with training.max_grad_norm.',
    fault: 'work',
  }),
  'run-not-resumable': (d: { run: string; problem: string }): Words => ({
    what: `Run ${d.run} cannot be resumed: ${d.problem}.`,
    todo: 'Train the experiment anew.',
  }),
  'run-not-repeatable': (d: { run: string; problem: string }): Words => ({
    what: `Run ${d.run} cannot be repeated: ${d.problem}.`,
    todo: 'Choose a finished run whose adapter is still there.',
  }),
  'sweep-missing': (d: { file: string }): Words => ({
    what: `${d.file}: has no sweep.`,
    todo: 'Add one, e.g. sweep: {training.learning_rate: [0.1, 0.3]}, or use softprompt train.',
  }),
  'sweep-unranked': (d: { file: string }): Words => ({
    what: `${d.file}: a sweep ranks by the loss on validation rows, and the experiment has none.`,
    todo: 'Give data.validation, or data.validation_split. Test rows are for the end.',
  }),
  'test-rows-missing': (d: { file: string }): Words => ({
    what: `${d.file}: data.test is missing, so there are no rows to evaluate on.`,
    todo: 'Add a file of rows that training never sees.',
  }),
  'metric-failed': (d: { name: string; file: string; problem: string; line?: number; row?: number }): Words => ({
    what: `${d.file}${d.line === undefined ? '' : `, line ${d.line}`}: the metric ${d.name} ${d.problem}${d.row === undefined ? '' : ` (at test row ${d.row})`}.`,
    todo: 'The module exports a function metric(rows) that gives a number; rows are {input, expected, answer}.',
  }),
  'from-worker': (d: { reason: string; what: string; todo: string | null; fault: 'request' | 'work' }): Words => ({
    what: d.what,
    ...(d.todo === null ? {} : { todo: d.todo }),
    fault: d.fault,
  }),
  'worker-exited': (d: { code: number | null; signal: string | null; lastLog: readonly string[] }): Words => ({
    what: `The worker process ended (${d.signal ?? `exit status ${d.code}`})${
      d.lastLog.length === 0 ? '' : `; its last lines:\n${d.lastLog.join('\n')}\n`
    }`,
    todo: 'The next request starts it again and loads the model anew.',
    fault: 'work',
  }),
  'worker-message': (d: { method: string; problem: string }): Words => ({
    what: `Message ${d.method}: ${d.problem}.`,
    fault: 'work',
  }),
  'worker-protocol': (d: { client: number; worker: number }): Words => ({
    what: `The worker speaks protocol ${d.worker}, its client ${d.client}.`,
    todo: 'Reload the window (or reinstall): both come from the same package.',
    fault: 'work',
  }),
  'model-not-loaded': (_: object): Words => ({ what: 'No model is loaded.', todo: 'Load a model first.' }),
  'option-invalid': (d: { option: string; problem: string; todo?: string }): Words => ({
    what: `${d.option}: ${d.problem}.`,
    ...(d.todo === undefined ? {} : { todo: d.todo }),
  }),
  'not-supported': (d: { what: string }): Words => ({ what: `${d.what} is not supported yet.` }),
  'not-mergeable': (d: { method: string; why: string }): Words => ({
    what: `A ${d.method} adapter cannot be merged into weights: ${d.why}.`,
    todo: 'Use it as it is, beside the model.',
  }),
  'not-combinable': (d: { adapter: string; why: string; todo?: string }): Words => ({
    what: `${d.adapter} cannot be combined: ${d.why}.`,
    ...(d.todo === undefined ? {} : { todo: d.todo }),
  }),
  'json-invalid': (d: { file: string; line: number; column: number; problem: string }): Words => ({
    what: `${d.file}, line ${d.line}, column ${d.column}: not valid JSON: ${d.problem}.`,
  }),
  'safetensors-invalid': (d: { file: string; tensor?: string; problem: string }): Words => ({
    what: `${d.file}${d.tensor === undefined ? '' : `, tensor ${JSON.stringify(d.tensor)}`}: ${d.problem}.`,
    todo: 'The file is damaged or no safetensors file; copy or download it again.',
  }),
  'tensor-unusable': (d: { file: string; tensor: string; problem: string }): Words => ({
    what: `${d.file}, tensor ${JSON.stringify(d.tensor)}: ${d.problem}.`,
  }),
  'checkpoint-unusable': (d: { dir: string; problem: string; todo?: string }): Words => ({
    what: `${d.dir}: ${d.problem}.`,
    ...(d.todo === undefined ? {} : { todo: d.todo }),
  }),
  'config-key': (d: { file: string; key: string; problem: string }): Words => ({
    what: `${d.file}: ${d.key} ${d.problem}.`,
  }),
  'tokenizer-unusable': (d: { file: string; problem: string; todo?: string }): Words => ({
    what: `${d.file}: ${d.problem}.`,
    ...(d.todo === undefined ? {} : { todo: d.todo }),
  }),
  'chat-template': (d: { file: string; problem: string }): Words => ({
    what: `${d.file}: the chat template does not take these messages: ${d.problem}.`,
  }),
  'adapter-unusable': (d: { dir: string; problem: string; todo?: string }): Words => ({
    what: `${d.dir}: ${d.problem}.`,
    ...(d.todo === undefined ? {} : { todo: d.todo }),
  }),
  'data-invalid': (d: { file: string; line?: number; problem: string; todo?: string }): Words => ({
    what: `${d.file}${d.line === undefined ? '' : `, line ${d.line}`}: ${d.problem}.`,
    ...(d.todo === undefined ? {} : { todo: d.todo }),
  }),
  'template-invalid': (d: { template: string; position: number; problem: string }): Words => ({
    what: `Template ${JSON.stringify(d.template)}, character ${d.position + 1}: ${d.problem}.`,
    todo: 'Write a column as {{name}}.',
  }),
  'template-column': (d: { column: string; columns: readonly string[]; row?: RowPlace }): Words => ({
    what: `${rowPlace(d.row)}The template asks for the column ${JSON.stringify(d.column)}, which the row does not have.`,
    todo: `Columns of the row: ${d.columns.length === 0 ? '(none)' : d.columns.join(', ')}.`,
  }),
  'template-value': (d: { column: string; problem: string; row?: RowPlace }): Words => ({
    what: `${rowPlace(d.row)}The template asks for ${JSON.stringify(d.column)}, which ${d.problem} in the row: it has no text.`,
    todo: 'Give the row a string, number or boolean there, or name a value inside it as {{column.inner}}.',
  }),
  'experiment-invalid': (d: {
    file: string;
    problems: readonly { line: number; column: number; key: string; message: string }[];
  }): Words => ({
    what: d.problems
      .map((p) => `${d.file}:${p.line}:${p.column}: ${p.key === '' ? '' : `${p.key}: `}${p.message}`)
      .join('\n'),
  }),
  'setting-invalid': (d: { setting: string; problem: string }): Words => ({
    what: `--set ${d.setting}: ${d.problem}${d.problem.endsWith('?') ? '' : '.'}`,
    todo: 'Give KEY=VALUE with a key of the experiment file, e.g. --set training.learning_rate=0.1.',
  }),
  'run-unknown': (d: { run: string; store: string; latest: string | null }): Words => ({
    what: `${d.store}: there is no run ${JSON.stringify(d.run)}.`,
    todo: d.latest === null ? 'No run has been started here yet.' : `The latest is ${d.latest}.`,
  }),
  'adapter-unknown': (d: { adapter: string; store: string; known: readonly string[] }): Words => ({
    what: `No adapter ${JSON.stringify(d.adapter)}: it is neither in ${d.store} nor a folder.`,
    todo:
      d.known.length === 0
        ? 'No adapter has been trained here yet.'
        : `Known: ${d.known.join(', ')}; give NAME, NAME@VERSION or a folder.`,
  }),
  'graph-shape': (d: { tensor: string; problem: string }): Words => ({
    what: `Graph tensor ${d.tensor}: ${d.problem}`,
    fault: 'work',
  }),
  'architecture-unknown': (d: { file: string; modelType: string; known: readonly string[] }): Words => ({
    what: `${d.file}: model_type "${d.modelType}" is not supported.`,
    todo: `Supported architectures: ${d.known.join(', ')}.`,
  }),
  'weight-missing': (d: { file: string; tensor: string; shape: readonly number[] }): Words => ({
    what: `${d.file}: tensor ${d.tensor} [${d.shape.join(', ')}] is missing.`,
    todo: 'config.json and weights do not belong together, or the download is incomplete.',
  }),
  'weight-untrained': (d: { dir: string; tensor: string }): Words => ({
    what: `${d.dir}: the model has no classifier of its own (${d.tensor} is not in the checkpoint).`,
    todo: 'Train an adapter with task: seq_cls and labels, which brings one, and give that adapter.',
  }),
  'task-unsuited': (d: { file: string; modelType: string; task: string; known: readonly string[] }): Words => ({
    what: `${d.file}: a ${d.modelType} model cannot be used for ${d.task}.`,
    todo: `It can be used for ${d.known.join(' or ')}.`,
  }),
  'task-cannot-write': (d: { dir: string }): Words => ({
    what: `${d.dir}: this model tells classes apart and writes no text.`,
    todo: 'Use `softprompt score`, which gives the logits of the classes.',
  }),
  'labels-unsuited': (d: { labels: number; dir: string; classes: number }): Words => ({
    what: `The experiment has ${d.labels} labels; the classifier of ${d.dir} tells ${d.classes} classes apart.`,
    todo: 'Give one label for each class, in the order of id2label in config.json.',
  }),
  'weight-surplus': (d: { file: string; tensor: string }): Words => ({
    what: `${d.file}: tensor ${d.tensor} has no place in this architecture.`,
    todo: 'config.json and weights do not belong together, or the model is a variant that is not supported.',
  }),
  'weight-shape': (d: {
    file: string;
    tensor: string;
    found: readonly number[];
    expected: readonly number[];
  }): Words => ({
    what: `${d.file}: tensor ${d.tensor} is [${d.found.join(', ')}], config.json asks for [${d.expected.join(', ')}].`,
    todo: 'config.json and weights do not belong together.',
  }),
  'method-unknown': (d: { source: string; type: string; known: readonly string[] }): Words => ({
    what: `${d.source}: peft_type ${d.type} is not supported yet.`,
    todo: `Methods that can be trained and applied: ${d.known.join(', ')}.`,
  }),
  'optimizer-unsuited': (d: { key: 'optim' | 'loraplus_lr_ratio'; peftType: string }): Words => ({
    what: `training.${d.key} tells two low-rank factors apart, and ${d.peftType} has none.`,
    todo: `Leave ${d.key} out, or train LORA.`,
  }),
  'targets-unmatched': (d: {
    source: string;
    targets: readonly string[];
    near: readonly string[];
    known: readonly string[];
  }): Words => ({
    what: `${d.source}: no layer of the model is called ${d.targets.join(' or ')}.`,
    todo: `${d.near.length === 0 ? '' : `Did you mean ${d.near.join(', ')}? `}Layers it can act on: ${d.known.join(', ')}.`,
  }),
  'checkpoint-foreign': (d: { file: string; problem?: string }): Words => ({
    what: `${d.file}: ${d.problem ?? 'not a checkpoint of a training run'}.`,
    todo: 'Remove the file, or resume from another one.',
  }),
  'adapter-mismatch': (d: { dir: string; tensor: string; problem: string }): Words => ({
    what: `${d.dir}: tensor ${d.tensor} ${d.problem}.`,
    todo: 'The adapter was made for another model, or its config and tensors do not belong together.',
  }),
  'prompt-length': (d: {
    tokens: number;
    virtual: number;
    maxPositions: number;
    row?: number;
    arm?: string;
  }): Words => ({
    what: `${d.row === undefined ? '' : `Test row ${d.row}${d.arm === undefined ? '' : ` as ${d.arm} reads it`}: `}The prompt has ${d.tokens} tokens${d.virtual === 0 ? '' : ` (and ${d.virtual} more positions are taken)`}; the model has ${d.maxPositions} positions.`,
    todo:
      d.tokens === 0
        ? 'Give a prompt that is not empty.'
        : d.row === undefined
          ? 'Shorten the prompt.'
          : 'Shorten the row or the prompt around it, show fewer shots, or take the row out.',
  }),
  'template-target': (d: { template: string }): Words => ({
    what: `template.target ${JSON.stringify(d.template)} must show exactly one column when labels are given.`,
    todo: 'Write the label\'s column alone, for example " {{label}}".',
  }),
  'adapter-base': (d: { dir: string; trained: string; model: string }): Words => ({
    what: `${d.dir}: the adapter was trained on ${d.trained} as it was then; ${d.model} is another model, or has changed.`,
    todo: 'Load the model it was trained on, or train it again.',
  }),
  'token-unknown': (d: { id: number; vocabulary: number }): Words => ({
    what: `Token id ${d.id} is no token of the model, whose vocabulary has ${d.vocabulary}.`,
    todo: 'The tokenizer in the model folder belongs to another model, or the ids do.',
  }),
  'device-unknown': (d: { device: string; known: readonly string[] }): Words => ({
    what: `Device "${d.device}" is not supported.`,
    todo: `Choose one of ${d.known.join(', ')}.`,
  }),
  'device-failed': (d: { device: string; problem: string }): Words => ({
    what: `The ${d.device} device cannot run this: ${d.problem}`,
    todo: 'Run `softprompt doctor`, or choose another device.',
    fault: 'work',
  }),
} satisfies Record<string, (details: never) => Words>;
