import assert from 'node:assert/strict';
import { suite, test } from 'mocha';
import { commands, extensions } from 'vscode';

const id = 'softprompt.softprompt';

suite('activation', () => {
  test('the extension activates', async () => {
    const extension = extensions.getExtension(id);
    assert.ok(extension, `${id} is not installed`);
    await extension.activate();
    assert.ok(extension.isActive);
  });

  test('every contributed command exists', async () => {
    const manifest = extensions.getExtension(id)?.packageJSON as { contributes: { commands: { command: string }[] } };
    const present = new Set(await commands.getCommands(true));
    const missing = manifest.contributes.commands.filter(({ command }) => !present.has(command));
    assert.deepEqual(missing, []);
  });
});
