import { probeDevices } from '../runtime/devices.ts';
import { exitStatus } from './exitStatus.ts';
import type { Terminal } from './terminal.ts';

/** Tries every device the engine knows and says how it went. */
export async function devices(options: { readonly json?: boolean }, terminal: Terminal): Promise<number> {
  const probes = await probeDevices();
  if (options.json === true) {
    for (const { device, works, detail } of probes) terminal.out(JSON.stringify({ device, works, detail }));
    return exitStatus.done;
  }
  const rows = probes.map(({ device, works, detail }) => `${device.padEnd(8)}${works ? 'works' : 'no   '}  ${detail}`);
  for (const row of rows) terminal.out(row);
  return exitStatus.done;
}
