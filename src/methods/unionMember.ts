import { setTensor } from '../checkpoint/adapterFolder.ts';
import type { Method } from './method.ts';

/** One method of a union. */
export interface Member {
  /** Its folder beside the others, and what its tensors are called after. */
  readonly name: string;
  readonly method: Method;
  /** Its learning rate, where it is not that of the run. */
  readonly rate: number | undefined;
  /** Tensors that an earlier member trains too, by their names in this one, with the names in the union. */
  readonly shared: ReadonlyMap<string, string>;
}

/** What a union holds, as one of its members sees it. */
export function within<T>({ name, shared }: Member, trained: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  const start = setTensor(name, '');
  const mine = [...trained].flatMap(([tensor, value]) =>
    tensor.startsWith(start) ? [[tensor.slice(start.length), value] as const] : [],
  );
  return new Map([...mine, ...[...shared].map(([tensor, owner]) => [tensor, trained.get(owner)!] as const)]);
}

/** What a member holds of its own, as the union calls it. */
export function outside<T>(
  { name, shared }: Member,
  trained: ReadonlyMap<string, T>,
): readonly (readonly [string, T])[] {
  return [...trained].flatMap(([tensor, value]) =>
    shared.has(tensor) ? [] : [[setTensor(name, tensor), value] as const],
  );
}
