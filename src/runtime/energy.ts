import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Counts what the machine's processors use, all that runs on them together. */
export interface EnergyMeter {
  /** Joules since the meter was opened. Call it often: a counter that went round twice in between counts once. */
  joules(): Promise<number>;
}

/** Where counters are read: the names in a folder, and the text of a file. */
export interface CounterFiles {
  list(folder: string): Promise<readonly string[]>;
  read(file: string): Promise<string>;
}

/** The files of this machine. */
export const machineFiles: CounterFiles = { list: readdir, read: (file) => readFile(file, 'utf8') };

/** Linux keeps RAPL's counters here, which most machines let only the superuser read. */
const powercap = '/sys/class/powercap';

/** Zones that are no part of another one: a package holds its cores, memory stands beside it. */
const counted = /^(package-\d+|dram)$/;

/**
 * A meter of the processors' and their memory's own counters (RAPL, https://docs.kernel.org/power/powercap/powercap.html); null where
 * there are none, or they may not be read.
 */
export async function openEnergyMeter(files: CounterFiles): Promise<EnergyMeter | null> {
  const text = async (zone: string, name: string) => (await files.read(join(powercap, zone, name))).trim();
  const zones: { readonly zone: string; readonly range: number; last: number }[] = [];
  for (const zone of await files.list(powercap).catch(() => [])) {
    if (!/^intel-rapl:[\d:]+$/.test(zone)) continue;
    try {
      if (!counted.test(await text(zone, 'name'))) continue;
      const [range, last] = [await text(zone, 'max_energy_range_uj'), await text(zone, 'energy_uj')].map(Number);
      if (Number.isFinite(range) && Number.isFinite(last)) zones.push({ zone, range: range!, last: last! });
    } catch {
      // A counter that may not be read is none; a part of the sum would be a wrong figure.
      return null;
    }
  }
  if (zones.length === 0) return null;
  let microjoules = 0;
  return {
    joules: async () => {
      for (const counter of zones) {
        const now = Number(await text(counter.zone, 'energy_uj').catch(() => ''));
        if (!(now > 0)) continue;
        microjoules += now >= counter.last ? now - counter.last : now + counter.range - counter.last;
        counter.last = now;
      }
      return microjoules / 1e6;
    },
  };
}
