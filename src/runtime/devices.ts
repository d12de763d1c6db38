import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SoftpromptError } from '../foundation/errors.ts';

/** Devices the engine can run on. */
export const deviceNames = ['cpu', 'webgpu'] as const;
/** A device the engine can run on. */
export type Device = (typeof deviceNames)[number];

/** Whether a device works here, how fast it multiplied two matrices, or why it does not work. */
export interface DeviceProbe {
  readonly device: Device;
  readonly works: boolean;
  readonly detail: string;
  /** Billions of multiply-adds a second in a float32 matrix product; 0 when it does not work. */
  readonly speed: number;
}

/** The script that probes one device: beside the bundle that this is part of, or beside this file when run as source. */
const probeScript = new URL(import.meta.url.endsWith('.ts') ? './probeMain.ts' : './probe.cjs', import.meta.url);

/** A driver that needs longer than this has hung, milliseconds. */
const probeTimeout = 30_000;

let probes: Promise<readonly DeviceProbe[]> | undefined;

/**
 * Tries every device, each in a process of its own: a driver that crashes, hangs or chatters on standard error takes
 * nothing with it. Done once a process, since a machine's devices stay what they are.
 */
export function probeDevices(): Promise<readonly DeviceProbe[]> {
  probes ??= Promise.all(deviceNames.map(probeApart));
  return probes;
}

function probeApart(device: Device): Promise<DeviceProbe> {
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [fileURLToPath(probeScript), device],
      { env, timeout: probeTimeout },
      (error, output) => {
        if (error === null) resolve(JSON.parse(output) as DeviceProbe);
        else
          resolve({
            device,
            works: false,
            detail: `its driver failed (${error.signal ?? `exit ${error.code}`})`,
            speed: 0,
          });
      },
    );
  });
}

/** A device with the reason why it and no other. */
export interface DeviceChoice {
  readonly device: Device;
  readonly reason: string;
}

/** The device to use: the one asked for if it works, or for `auto` the fastest that works. */
export async function chooseDevice(wanted: string): Promise<DeviceChoice> {
  if (wanted === 'cpu') return { device: 'cpu', reason: 'asked for' };
  if (wanted !== 'auto' && !deviceNames.includes(wanted as Device)) {
    throw new SoftpromptError('device-unknown', { device: wanted, known: ['auto', ...deviceNames] });
  }
  const probes = await probeDevices();
  if (wanted !== 'auto') {
    const found = probes.find((p) => p.device === wanted) as DeviceProbe;
    if (!found.works) throw new SoftpromptError('device-failed', { device: wanted, problem: found.detail });
    return { device: found.device, reason: 'asked for' };
  }
  const best = probes.reduce((a, b) => (b.speed > a.speed ? b : a));
  return { device: best.device, reason: probes.map((p) => `${p.device}: ${p.detail}`).join('; ') };
}
