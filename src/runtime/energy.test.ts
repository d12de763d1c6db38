import assert from 'node:assert/strict';
import { basename, dirname } from 'node:path';
import { test } from 'node:test';
import { type CounterFiles, openEnergyMeter } from './energy.ts';

type Zones = Record<string, Record<string, string> | null>;

/** Files of these zones; a zone that is null may not be read. */
function filesOf(zones: Zones): CounterFiles {
  return {
    list: async () => Object.keys(zones),
    read: async (file) => {
      const text = zones[basename(dirname(file))]?.[basename(file)];
      if (text === undefined) throw new Error('EACCES');
      return `${text}\n`;
    },
  };
}

const zone = (name: string, energy: number) => ({ name, energy_uj: String(energy), max_energy_range_uj: '1000000000' });

test('packages and memory are summed, parts of them are not, and a counter may go round', async () => {
  const zones: Zones = {
    'intel-rapl': {},
    'intel-rapl:0': zone('package-0', 999_000_000),
    'intel-rapl:0:0': zone('core', 5_000_000),
    'intel-rapl:0:1': zone('dram', 10_000_000),
    'intel-rapl:1': zone('psys', 1),
    dtpm: {},
  };
  const meter = await openEnergyMeter(filesOf(zones));
  zones['intel-rapl:0'] = zone('package-0', 999_500_000);
  zones['intel-rapl:0:0'] = zone('core', 900_000_000);
  zones['intel-rapl:0:1'] = zone('dram', 12_000_000);
  assert.equal(await meter!.joules(), 2.5);
  zones['intel-rapl:0'] = zone('package-0', 1_500_000);
  assert.equal(await meter!.joules(), 4.5);
});

test('without counters, or where one may not be read, there is no meter', async () => {
  assert.equal(await openEnergyMeter(filesOf({})), null);
  assert.equal(await openEnergyMeter(filesOf({ 'intel-rapl:0': null })), null);
  const list = async (): Promise<never> => {
    throw new Error('ENOENT');
  };
  assert.equal(await openEnergyMeter({ list, read: list }), null);
  const partly: Zones = { 'intel-rapl:0': zone('package-0', 1), 'intel-rapl:1': { name: 'package-1' } };
  assert.equal(await openEnergyMeter(filesOf(partly)), null);
});
