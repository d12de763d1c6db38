import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshState, restoredState, withoutRun, withRun } from './pageState.ts';

test('a state that was kept is restored', () => {
  const state = { ...withRun(freshState, 'r1'), focused: 'r1', smoothing: 0.5, filter: 'x', disagreements: true };
  assert.deepEqual(restoredState(JSON.parse(JSON.stringify(state))), state);
});

test('what cannot be a state gives a fresh one, field by field', () => {
  for (const kept of [undefined, null, 7, []]) assert.deepEqual(restoredState(kept), freshState);
  const mixed = restoredState({ smoothing: 2, colours: { r1: 'red' }, filter: 'kept' });
  assert.deepEqual(mixed, { ...freshState, filter: 'kept' });
});

test('a run keeps its colour, and a freed colour is used again', () => {
  let state = ['a', 'b', 'c'].reduce(withRun, freshState);
  assert.deepEqual(state.colours, { a: 0, b: 1, c: 2 });
  state = withRun(withoutRun(state, 'b'), 'd');
  assert.deepEqual(state.colours, { a: 0, c: 2, d: 1 });
  assert.equal(withRun(state, 'a'), state);
});
