import { join, resolve } from 'node:path';
import type { CheckResult, CheckRule } from '../evaluation/checks/check.ts';
import { checkNames, checkRules } from '../evaluation/checks/table.ts';
import { cardExperiment, checkAdapter } from '../experiments/checkAdapter.ts';
import type { Environment } from '../experiments/environment.ts';
import { readExperiment } from '../experiments/experimentFile.ts';
import { readCard, resolveAdapter } from '../experiments/library.ts';
import { findStore } from '../experiments/store.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { LanguageModel } from '../inference/languageModel.ts';
import { adapterUse } from '../methods/adapterUse.ts';
import { chooseDevice } from '../runtime/devices.ts';
import { exitStatus } from './exitStatus.ts';
import { interruptible } from './interrupt.ts';
import type { Terminal } from './terminal.ts';

/** Options of `softprompt check`. */
export interface CheckOptions {
  readonly adapter: string;
  readonly model?: string;
  readonly experiment?: string;
  readonly data?: string;
  readonly device: string;
  readonly json?: boolean;
}

/** Checks an adapter on its model; what its card knows need not be said. Fails when one of the checks does. */
export async function check(options: CheckOptions, terminal: Terminal, env: Environment): Promise<number> {
  const store = findStore(options.experiment ?? join(process.cwd(), 'adapter'), process.cwd());
  const { dir, label } = resolveAdapter(store, options.adapter, process.cwd());
  const experiment =
    options.experiment === undefined
      ? await cardExperiment(findStore(join(dir, 'adapter'), dir), await readCard(dir))
      : (await readExperiment(options.experiment)).experiment;
  const model = options.model === undefined ? experiment?.model : resolve(options.model);
  if (model === undefined) {
    const problem = `is needed: ${label} has no card that says which model it is for`;
    throw new SoftpromptError('option-invalid', { option: '--model', problem });
  }
  const { device } = await chooseDevice(options.device);
  const language = await LanguageModel.open(model, device, await adapterUse(dir));
  const data = options.data === undefined ? null : resolve(options.data);
  const request = { language, adapter: dir, experiment, data, names: checkNames };
  let failed = 0;
  try {
    await interruptible(
      () => terminal.note('\nStopping.'),
      async (signal) => {
        for await (const result of checkAdapter(request, signal, env)) {
          if (result.passed === false) failed++;
          if (options.json === true) terminal.out(JSON.stringify(result));
          else for (const line of linesOf(result)) terminal.out(line);
        }
      },
    );
  } finally {
    await language.close();
  }
  return failed === 0 ? exitStatus.done : exitStatus.failed;
}

/** A result in words: its figure and limit and, where it failed, what to do. */
function linesOf({ name, figure, limit, passed, note, todo }: CheckResult): readonly string[] {
  const rule: CheckRule = checkRules[name];
  const mark = passed === null ? 'skipped' : passed ? 'ok' : 'FAILED';
  const found =
    figure === null ? (note ?? 'no number') : `${figure.toPrecision(3)} (${rule.bound} ${limit}): ${rule.figure}`;
  const line = `${mark.padEnd(7)}  ${rule.title}: ${found}`;
  return todo === undefined ? [line] : [line, `         ${todo}`];
}
