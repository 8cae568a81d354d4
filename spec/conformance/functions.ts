/** The functions that the conformance data names, as `functions` there describes them. */
import type { State } from 'sluice';

type Lifecycle = { readonly counter: number; readonly expire: number };

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

const FUNCTIONS: { readonly [name: string]: (...args: never[]) => unknown } = {
  toString: (x: number) => String(x),
  x_and_2x: (x: number) => [x, 2 * x],
  isEven: (x: number) => x % 2 === 0,
  sumOfPartition: (rows: Iterable<number>) => [sum([...rows])],
  pairWithOne: (x: unknown) => [x, 1],
  pairWithX: (x: unknown) => [x, 'x'],
  add: (a: number, b: number) => a + b,
  subtract: (a: number, b: number) => a - b,
  plus4: (x: number) => x + 4,
  plus8: (x: number) => x + 8,
  plus10: (x: number) => x + 10,
  v_and_vplus10: (v: number) => [v, v + 10],
  valueNonZero: ([, value]: readonly [unknown, number]) => value !== 0,
  sumState: (values: number[], state: number | undefined) => sum(values) + (state ?? 0),
  timestampSum: (values: number[], state: number | undefined, _key: unknown, time: number) =>
    (values.length > 0 ? time : 0) + (state ?? 0),
  lifecycle: (values: number[], state: Lifecycle = { counter: 0, expire: 0 }) => {
    const more = sum(values);
    const next = more === 0 ? { ...state, expire: state.expire + 1 } : { counter: state.counter + more, expire: 0 };
    return next.expire === 2 ? undefined : next;
  },
  counterOf: (state: Lifecycle) => state.counter,
  runningSum_returnSum: (_key: unknown, value: number, state: State<number>) => addTo(state, value),
  runningSum_returnKeyTwice: (key: string, value: number, state: State<number>) => {
    addTo(state, value);
    return key + key;
  },
  runningSum_returnPair: (key: string, value: number, state: State<number>) => [key, addTo(state, value)],
  runningSum_returnNone: (_key: unknown, value: number, state: State<number>) => void addTo(state, value),
  runningCount: (_key: unknown, value: number | undefined, state: State<number>) => addTo(state, value ?? 0),
  toggleRemove: (key: string, value: number, state: State<number>) => {
    if (!state.exists()) return state.update(value);
    state.remove();
    return key;
  },
  timeoutReporter: (key: string, value: number | undefined, state: State<number>) => {
    if (value !== undefined) state.update(1);
    return state.isTimingOut() ? key : undefined;
  },
};

function addTo(state: State<number>, value: number): number {
  state.update((state.getOption() ?? 0) + value);
  return state.get();
}

/** The function of that name; to be used where its arguments fit. */
export function functionOf<F extends (...args: never[]) => unknown>(name: string | undefined): F {
  const f = FUNCTIONS[name ?? ''];
  if (f === undefined) throw new Error(`the conformance data names function '${name}', functions.ts has none`);
  return f as F;
}
