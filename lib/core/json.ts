/** Plain JSON data: what crosses threads, logs and checkpoints as it is. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** `JSON.stringify` with object keys in order, so that equal data gives equal text (fingerprints, specs). */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const object = value as { readonly [name: string]: Json };
  const names = Object.keys(object).sort();
  return `{${names.map(name => `${JSON.stringify(name)}:${canonicalJson(object[name] ?? null)}`).join(',')}}`;
}
