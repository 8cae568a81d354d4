import type { IncomingMessage } from 'node:http';

/**
 * Reads the body of a request into memory, never more than the limits.
 *
 * @param maxBytes of this body
 * @param budget of all bodies that are being read at once
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  budget: BodyBudget,
): Promise<Buffer | 'tooLarge' | 'tooMany' | 'gone'> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > maxBytes) return 'tooLarge';
  const parts: Buffer[] = [];
  let byteLength = 0;
  try {
    // Not destroyed when this returns early: the sender is to get its answer.
    for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (byteLength + part.byteLength > maxBytes) return 'tooLarge';
      if (!budget.reserve(part.byteLength)) return 'tooMany';
      byteLength += part.byteLength;
      parts.push(part);
    }
    return request.complete ? Buffer.concat(parts, byteLength) : 'gone';
  } catch {
    // The sender went away in the middle of it; there is nobody to tell.
    return 'gone';
  } finally {
    budget.release(byteLength);
  }
}

/** Bytes that bodies may hold together while they come in. */
export class BodyBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  reserve(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  release(bytes: number): void {
    this.#left += bytes;
  }
}
