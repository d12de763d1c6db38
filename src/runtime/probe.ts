import { Builder } from '../onnx/builder.ts';
import type { Device, DeviceProbe } from './devices.ts';
import { GraphSession } from './session.ts';
import { floats } from './tensor.ts';

/** Multiplies two matrices on a device, checks the product and measures the speed. */
export async function probe(
  device: Device,
  now: () => number = performance.now.bind(performance),
): Promise<DeviceProbe> {
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
