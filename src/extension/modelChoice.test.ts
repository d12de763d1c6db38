import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseModel } from './modelChoice.ts';

const nothing = { setting: null, experiments: [], folders: [] };

test('the setting wins over what is found', () => {
  assert.equal(chooseModel({ setting: '/m', experiments: ['/a', '/b'], folders: ['/c'] }).dir, '/m');
});

test('experiments that agree name the model, whatever else lies there', () => {
  assert.equal(chooseModel({ ...nothing, experiments: ['/a', '/a'], folders: ['/a', '/b'] }).dir, '/a');
});

test('the only model in the workspace is taken', () => {
  assert.equal(chooseModel({ ...nothing, folders: ['/c'] }).dir, '/c');
});

test('several models, or none, are a question with its reason', () => {
  assert.deepEqual(chooseModel({ ...nothing, experiments: ['/a', '/b'] }), {
    dir: null,
    reason: 'the experiments name 2 models; choose one',
  });
  assert.match(chooseModel({ ...nothing, folders: ['/a', '/b', '/c'] }).reason, /3 models/);
  assert.match(chooseModel(nothing).reason, /^no folder with config\.json/);
});
