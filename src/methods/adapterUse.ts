import type { AdapterFolder } from '../checkpoint/adapterFolder.ts';
import { readAdapterFolder } from '../checkpoint/adapterFolder.ts';
import type { ModelUse } from '../models/model.ts';
import { peftTaskTypes, type Task } from '../models/task.ts';

/** What an adapter's base model must be opened for: `task_type`, and the classes of the head that the adapter brings. */
export async function adapterUse(dir: string): Promise<ModelUse> {
  const folder = await readAdapterFolder(dir);
  if (folder.format === 'adapterhub') return classifierUse(folder);
  const task = (Object.keys(peftTaskTypes) as Task[]).find((name) => peftTaskTypes[name] === folder.config.task_type);
  if (task !== 'seq_cls') return task === undefined ? {} : { task };
  const classes = headClasses(folder);
  return classes === undefined ? { task } : { task, classes };
}

/** AdapterHub says the model's class, and stores the head of a classifier beside the adapter. */
function classifierUse(folder: AdapterFolder): ModelUse {
  const { model_class: name } = folder.config;
  if (typeof name !== 'string' || !name.endsWith('ForSequenceClassification')) return {};
  const classes = headClasses(folder);
  return classes === undefined ? { task: 'seq_cls' } : { task: 'seq_cls', classes };
}

/** Rows of the last matrix of a classifier, which transformers calls so. */
function headClasses({ tensors }: AdapterFolder): number | undefined {
  const head = [...tensors.values()].find(({ name }) => /(^|\.)(score|classifier|out_proj)\.weight$/.test(name));
  return head?.shape[0];
}
