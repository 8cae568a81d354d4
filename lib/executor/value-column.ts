/**
 * Values by number, one for each key: 0, 1, 2 ... Lists of a few numbers, such as a count and a sum, are kept as numbers
 * side by side and made again when asked for, because a million lists that change all the time are what a garbage
 * collector does worst. Any other value, from the first that comes, makes all of them an ordinary array.
 *
 *   numbers   | 3 1 | 7 0 | 2 2 |    width 2: i32, or f64 once a number does not fit
 *   values    [ [3, 1], 'x', ... ]
 *
 * So a list of numbers that is got is a copy, as if it had been through a block: it is changed by `set` only.
 */

/** Lists longer than this are left as they are. */
const MAX_WIDTH = 4;
const FIRST_VALUES = 64;

export class ValueColumn {
  /** Numbers in a list; 0 when values are kept as they are, -1 before the first. */
  #width = -1;
  #numbers: Int32Array | Float64Array = new Int32Array(0);
  #isInt = true;
  #values: unknown[] = [];
  /** Values there is room for, and how many of them may have been set, where lists are kept as numbers. */
  #capacity = 0;
  #size = 0;

  /** A value that was set before. */
  get(number: number): unknown {
    const at = number * this.#width;
    const numbers = this.#numbers;
    switch (this.#width) {
      case 1:
        return [numbers[at]];
      case 2:
        return [numbers[at], numbers[at + 1]];
      case 3:
        return [numbers[at], numbers[at + 1], numbers[at + 2]];
      case 4:
        return [numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3]];
      default:
        return this.#values[number];
    }
  }

  /** Numbers are set in no special order; what was never set is not to be got. */
  set(number: number, value: unknown): void {
    if (this.#width !== 0 && !this.#setNumbers(number, value)) this.#keepValues();
    if (this.#width === 0) this.#values[number] = value;
  }

  /** False when the value is not a list like those before. */
  #setNumbers(number: number, value: unknown): boolean {
    if (!Array.isArray(value)) return false;
    if (this.#width < 0) this.#width = value.length <= MAX_WIDTH ? value.length : 0;
    const width = this.#width;
    if (value.length !== width || width === 0 || Object.getPrototypeOf(value) !== Array.prototype) return false;
    if (number >= this.#capacity) this.#grow(number + 1);
    const at = number * width;
    for (let i = 0; i < width; i++) {
      const item: unknown = value[i];
      if (typeof item !== 'number') return false;
      // Of 0 and -0 only the reciprocal knows.
      if (this.#isInt && ((item | 0) !== item || (item === 0 && 1 / item < 0))) {
        this.#isInt = false;
        this.#numbers = Float64Array.from(this.#numbers);
      }
      this.#numbers[at + i] = item;
    }
    if (number >= this.#size) this.#size = number + 1;
    return true;
  }

  #keepValues(): void {
    const values: unknown[] = [];
    for (let number = 0; number < this.#size; number++) values.push(this.get(number));
    this.#values = values;
    this.#width = 0;
    this.#numbers = new Int32Array(0);
  }

  #grow(wanted: number): void {
    this.#capacity = Math.max(FIRST_VALUES, wanted, 2 * this.#capacity);
    const length = this.#capacity * this.#width;
    const grown = this.#isInt ? new Int32Array(length) : new Float64Array(length);
    grown.set(this.#numbers);
    this.#numbers = grown;
  }
}
