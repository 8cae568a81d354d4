/** Who sends to a job that is killed again and again: clients of its HTTP receiver, and a server that it connects to. */
import { createServer, type AddressInfo, type Socket } from 'node:net';

const LINES_PER_REQUEST = 3;

/** Posts lines, and the same ones again until there is an answer. */
export class HttpSenders {
  readonly acknowledged = new Set<string>();
  readonly sent = new Map<string, number>();
  #location: string | undefined;
  #onLocation: () => void = () => undefined;
  #moved: Promise<void>;
  #ending = false;
  readonly #senders: readonly Promise<void>[];

  constructor(count: number) {
    this.#moved = new Promise(resolve => (this.#onLocation = resolve));
    this.#senders = Array.from({ length: count }, (_, i) => this.#run(`sender${i}`));
  }

  /** Where the receiver is from now on; undefined: nowhere. */
  moveTo(location: string | undefined): void {
    this.#location = location;
    const moved = this.#onLocation;
    this.#moved = new Promise(resolve => (this.#onLocation = resolve));
    moved();
  }

  /** Resolves when every line that was sent has its answer: the receiver must be there. */
  async end(): Promise<void> {
    this.#ending = true;
    await Promise.all(this.#senders);
  }

  async #run(name: string): Promise<void> {
    for (let i = 0; !this.#ending; i++) {
      const lines = Array.from({ length: LINES_PER_REQUEST }, (_, n) => `${name}-${i * LINES_PER_REQUEST + n}`);
      while (!(await this.#post(lines)));
    }
  }

  async #post(lines: readonly string[]): Promise<boolean> {
    const location = this.#location;
    if (location === undefined) {
      if (this.#ending && !this.sent.has(lines[0] ?? '')) return true;
      await this.#moved;
      return false;
    }
    for (const line of lines) this.sent.set(line, (this.sent.get(line) ?? 0) + 1);
    try {
      const answer = await fetch(location, { method: 'POST', body: lines.join('\n') });
      await answer.text();
      if (answer.status !== 200) return false;
      for (const line of lines) this.acknowledged.add(line);
      return true;
    } catch {
      // It was killed: what became of these lines nobody has promised, so they are sent to the next one.
      if (this.#location === location) this.#location = undefined;
      return false;
    }
  }
}

/** Sends lines to whoever is connected, each line once. */
export class LineServer {
  readonly lines = new Set<string>();
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer(socket => {
    this.#sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => this.#sockets.delete(socket));
    this.send(20);
  });

  async listen(): Promise<number> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  send(count: number): void {
    for (const socket of this.#sockets) {
      for (let i = 0; i < count; i++) {
        const line = `line ${this.lines.size}`;
        this.lines.add(line);
        socket.write(`${line}\n`);
      }
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise(resolve => this.#server.close(resolve));
  }
}
