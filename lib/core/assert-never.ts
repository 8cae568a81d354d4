/** Ends a switch over a closed union: a kind that is not handled is a compile error, and at run time says what came. */
export function assertNever(value: never): never {
  throw new Error(`unhandled case ${JSON.stringify(value)}`);
}
