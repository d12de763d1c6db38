import { resolve } from 'node:path';
import { type AttachedModel, LanguageModel } from '../inference/languageModel.ts';
import { readAdapter } from '../methods/adapter.ts';
import { adapterUse } from '../methods/adapterUse.ts';
import { chooseDevice } from '../runtime/devices.ts';

/** Opens a model folder with an adapter folder in place, or as it is. */
export async function openAttached(options: {
  readonly model: string;
  readonly adapter?: string;
  readonly device: string;
}): Promise<AttachedModel> {
  const { device } = await chooseDevice(options.device);
  const { adapter } = options;
  const use = adapter === undefined ? {} : await adapterUse(resolve(adapter));
  const language = await LanguageModel.open(resolve(options.model), device, use);
  return language.attach(adapter === undefined ? null : await readAdapter(resolve(adapter), language.model));
}
