import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { stageExtension } from './package.mjs';

function stage(t: TestContext, target: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'softprompt-stage-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  stageExtension(folder, target);
  return folder;
}

for (const target of ['linux-x64', 'darwin-arm64', 'win32-x64']) {
  test(`a package for ${target} holds the runtime of no other platform`, (t) => {
    const bindings = globSync('**/*.node', { cwd: stage(t, target) });
    const folder = join('dist/node_modules/onnxruntime-node/bin/napi-v6', ...target.split('-'));
    assert.deepEqual(bindings, [join(folder, 'onnxruntime_binding.node')]);
  });
}

test('the packed runtime loads with nothing else installed', (t) => {
  const folder = stage(t, `${process.platform}-${process.arch}`);
  const script = `process.stdout.write(require('onnxruntime-node').listSupportedBackends()[0].name)`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], {
    cwd: join(folder, 'dist'),
    encoding: 'utf8',
  });
  assert.equal(stdout, 'cpu', stderr);
});

test('a platform without a runtime is refused by name', (t) => {
  assert.throws(() => stage(t, 'web'), /^Error: web: onnxruntime-node has no binary for it\. There are .*linux-x64/);
});
