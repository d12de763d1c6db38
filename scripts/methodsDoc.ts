import { join } from 'node:path';
import type { JsonObject } from '../src/checkpoint/json.ts';
import { writeFileAtomic } from '../src/foundation/files.ts';
import { drawnMethods, methodsWithSlopes } from '../test/engine/drawn.ts';
import { goldenCases, readCase, smoothModels, tinyModels } from '../test/golden/reference.ts';

/** How a combination of a method and an architecture is tested; the first that holds is shown. */
const marks = {
  golden: 'a training by the library was replayed: first gradient, every step, the finished adapter and what it gives',
  gradient: 'gradients are the slopes of the loss (finite differences)',
  rows: 'rows score the same alone and in any batch; where a text is continued, decoding with the cache is decoding by full passes',
} as const;
type Mark = keyof typeof marks;

/** The file that `methodsDocument` fills. */
export const methodsFile = join(import.meta.dirname, '../docs/methods.md');

/** docs/methods.md, from the lists of cases that the tests run over: test/golden and test/engine. */
export function methodsDocument(): string {
  const table = new Map<string, Map<string, Mark>>();
  const columns = new Set<string>();
  const mark = (architecture: string, method: string, how: Mark) => {
    columns.add(method);
    const row = table.get(architecture) ?? new Map<string, Mark>();
    table.set(architecture, row);
    if (!row.has(method)) row.set(method, how);
  };
  for (const { root, path } of goldenCases('forward')) {
    const { model, task_type } = readCase<{ model: string; task_type?: string }>(join(path, 'case.json'));
    mark(architectureOf(join(root, model), task_type), 'base model', 'golden');
  }
  const golden = goldenCases('train').map(({ root, path }) => {
    const { method, model, task_type } = readCase<{ method: string; model: string; task_type?: string }>(
      join(path, 'case.json'),
    );
    const config = readCase<JsonObject>(join(path, 'init/adapter_config.json'));
    return [architectureOf(join(root, model), task_type), methodOf(config, method)] as const;
  });
  for (const method of [...Object.values(drawnMethods).map((config) => methodOf(config)), 'FULL']) columns.add(method);
  for (const [architecture, method] of golden) mark(architecture, method, 'golden');
  for (const dir of Object.values(smoothModels)) {
    for (const config of Object.values(methodsWithSlopes)) mark(architectureOf(dir), methodOf(config), 'gradient');
    mark(architectureOf(dir), 'FULL', 'gradient');
  }
  for (const dir of Object.values(tinyModels)) {
    for (const config of Object.values(drawnMethods)) mark(architectureOf(dir), methodOf(config), 'rows');
  }
  const names = [...columns];
  const lines = [...table]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([architecture, cells]) => {
      return `| ${architecture} | ${names.map((name) => cells.get(name) ?? '').join(' | ')} |`;
    });
  return `# Methods and architectures

Made by \`scripts/methodsDoc.ts\` from the cases that the tests run over; not written by hand. A cell without a word is a
combination that no test of these runs, which says nothing of whether it works.

${Object.entries(marks)
  .map(([name, meaning]) => `- \`${name}\`: ${meaning}.`)
  .join('\n')}

Architectures are called by their \`model_type\`. The base model's \`golden\` is the library's logits and losses. Each
\`golden\` is held to the tolerances in \`test/golden/*.test.ts\`; what the cases are is said in \`test/golden/README.md\`.

| architecture | ${names.join(' | ')} |
| --- |${names.map(() => ' --- |').join('')}
${lines.join('\n')}
`;
}

/** A model's type and what it is used for, as the table calls them. */
function architectureOf(dir: string, task?: string): string {
  const { model_type, architectures } = readCase<{ model_type: string; architectures: readonly string[] }>(
    join(dir, 'config.json'),
  );
  const classifies = task === 'SEQ_CLS' || /ForSequenceClassification$/.test(architectures[0] ?? '');
  return classifies ? `${model_type}, classification` : model_type;
}

/** A method and what of its configuration makes another network of it. */
function methodOf(config: JsonObject, type = String(config.peft_type)): string {
  if (type === 'LORA' && config.use_dora === true) return 'LORA, DoRA';
  if (type === 'PREFIX_TUNING' && config.prefix_projection === true) return 'PREFIX_TUNING, projection';
  if (type === 'P_TUNING') return `P_TUNING, ${config.encoder_reparameterization_type ?? 'MLP'}`;
  return type;
}

if (process.argv[1] === import.meta.filename) await writeFileAtomic(methodsFile, methodsDocument());
