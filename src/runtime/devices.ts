import { SoftpromptError } from '../foundation/errors.ts';
import { Builder } from '../onnx/builder.ts';
import { GraphSession } from './session.ts';
import { floats } from './tensor.ts';

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

/** Tries every device with a small matrix product and checks its result. */
export async function probeDevices(
  now: () => number = performance.now.bind(performance),
): Promise<readonly DeviceProbe[]> {
  const probes: DeviceProbe[] = [];
  for (const device of deviceNames) probes.push(await probe(device, now));
  return probes;
}

/** The device to use: the one asked for if it works, or for `auto` the fastest that works. */
export async function chooseDevice(wanted: string): Promise<{ readonly device: Device; readonly reason: string }> {
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

async function probe(device: Device, now: () => number): Promise<DeviceProbe> {
  const size = 512;
  const b = new Builder();
  const x = b.graph.input('x', 'float32', [size, size]);
  const y = b.matmul(x, x, 'y');
  b.graph.output(y);
  try {
    const session = await GraphSession.create(b.graph, device);
    try {
      const inputs = new Map([['x', floats(new Float32Array(size * size).fill(0.5), [size, size])]]);
      const first = (await session.run(inputs)).get('y');
      if (first?.data[size + 1] !== size / 4)
        return { device, works: false, detail: 'computes wrong numbers', speed: 0 };
      let fastest = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 3; i++) {
        const began = now();
        await session.run(inputs);
        fastest = Math.min(fastest, now() - began);
      }
      const speed = size ** 3 / fastest / 1e6;
      return { device, works: true, detail: `works, ${speed.toFixed(0)} G multiply-adds/s`, speed };
    } finally {
      await session.close();
    }
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error);
    return { device, works: false, detail: plainReason(cause.message), speed: 0 };
  }
}

/** The runtime's messages begin with a C++ source location, which tells a user nothing. */
function plainReason(message: string): string {
  return message
    .split(/\bwas false\. |\) : /)
    .at(-1)!
    .split('\n')[0]!
    .trim();
}
