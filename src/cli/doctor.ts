import { access, constants } from 'node:fs/promises';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { explain } from '../foundation/errors.ts';
import { probeDevices } from '../runtime/devices.ts';
import { loadOnnxRuntime } from '../runtime/onnxRuntime.ts';
import { exitStatus } from './exitStatus.ts';
import type { Terminal } from './terminal.ts';

/** One thing that was looked at. */
interface Finding {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
}

const oldestNode = 20;
const gibibyte = 2 ** 30;

/** Looks at everything training needs on this machine; fails when something is missing. */
export async function doctor(options: { readonly json?: boolean }, terminal: Terminal): Promise<number> {
  let healthy = true;
  for (const [check, look] of Object.entries(checks)) {
    const finding: Finding = await look().then(
      (result) => ({ check, ...result }),
      (error: unknown) => ({ check, ok: false, detail: explain(error).what }),
    );
    healthy &&= finding.ok;
    terminal.out(
      options.json === true
        ? JSON.stringify(finding)
        : `${finding.ok ? 'ok  ' : 'FAIL'}  ${check.padEnd(12)}  ${finding.detail}`,
    );
  }
  return healthy ? exitStatus.done : exitStatus.failed;
}

const checks: Readonly<Record<string, () => Promise<Omit<Finding, 'check'>>>> = {
  node: async () => {
    const ok = Number(process.versions.node.split('.')[0]) >= oldestNode;
    return { ok, detail: `${process.version} on ${process.platform}-${process.arch}; needs ${oldestNode} or newer` };
  },
  memory: async () => ({
    ok: true,
    detail: `${(freemem() / gibibyte).toFixed(1)} GiB free of ${(totalmem() / gibibyte).toFixed(1)}`,
  }),
  processors: async () => ({ ok: true, detail: `${availableParallelism()} available` }),
  onnxruntime: async () => {
    const { env } = await loadOnnxRuntime();
    return { ok: true, detail: Object.values(env.versions).join(', ') };
  },
  devices: async () => {
    const probes = await probeDevices();
    const detail = probes.map((probe) => `${probe.device}: ${probe.detail}`).join('; ');
    return { ok: probes.some(({ works }) => works), detail };
  },
  folder: async () => {
    const writable = await access(process.cwd(), constants.W_OK).then(
      () => true,
      () => false,
    );
    return { ok: writable, detail: `${process.cwd()} ${writable ? 'can' : 'cannot'} be written to` };
  },
};
