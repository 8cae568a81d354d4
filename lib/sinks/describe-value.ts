/** A value for a message: its kind, and what it holds where that is short. */
export function describeValue(value: unknown): string {
  if (value === null) return 'null';
  switch (typeof value) {
    case 'string':
      return value.length > 60
        ? `the text ${JSON.stringify(value.slice(0, 60))}...`
        : `the text ${JSON.stringify(value)}`;
    case 'object':
      if (Array.isArray(value)) return `an array of ${value.length}`;
      return `an object of class ${kindOf(value)}`;
    case 'function':
      return 'a function';
    default:
      return `the ${typeof value} ${String(value)}`;
  }
}

const kindOf = (value: object): string => Object.prototype.toString.call(value).slice('[object '.length, -1);
