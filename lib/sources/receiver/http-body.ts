import type { IncomingMessage } from 'node:http';
import { GrowingBytes } from './growing-bytes.js';

/**
 * Reads the body of a request into memory, never more than the limits, and no more than has come.
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
  const body = new GrowingBytes(maxBytes);
  let reserved = 0;
  try {
    // Not destroyed when this returns early: the sender is to get its answer.
    for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (body.length + part.byteLength > maxBytes) return 'tooLarge';
      const growth = body.growthFor(part.byteLength);
      if (!budget.reserve(growth)) return 'tooMany';
      reserved += growth;
      body.append(part);
    }
    return request.complete ? body.view() : 'gone';
  } catch {
    // The sender went away in the middle of it; there is nobody to tell.
    return 'gone';
  } finally {
    budget.release(reserved);
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
