/**
 * A receiver that connects to a TCP server and reads what it sends: the part that text and Arrow streams share. When the
 * connection ends, fails or sends what cannot be read, it connects again after a pause. A socket is read only as fast as
 * what came is stored, so a server that sends faster is slowed down by TCP itself. A server that vanished without a word
 * is noticed by the system's probes, some minutes later.
 */
import { connect, type Socket } from 'node:net';
import { Receiver } from './receiver.js';

/** Of silence: the system's own default is two hours. */
const PROBE_AFTER_MS = 30_000;

export abstract class SocketReceiver<T> extends Receiver<T> {
  readonly #host: string;
  readonly #port: number;
  #socket: Socket | undefined;
  #reading: Promise<void> = Promise.resolve();

  constructor(host: string, port: number) {
    super();
    this.#host = host;
    this.#port = port;
  }

  override get location(): string {
    return `tcp://${this.#host.includes(':') ? `[${this.#host}]` : this.#host}:${this.#port}`;
  }

  /** Stores what the server sends until it ends. What it throws leads to a restart. */
  protected abstract read(chunks: AsyncIterable<Buffer>): Promise<void>;

  onStart(): Promise<void> {
    const socket = connect({
      host: this.#host,
      port: this.#port,
      keepAlive: true,
      keepAliveInitialDelay: PROBE_AFTER_MS,
    });
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.once('close', () => reject(new Error('the connection was closed')));
      socket.once('connect', () => {
        this.#reading = this.#readAll(socket);
        resolve();
      });
    });
  }

  async onStop(): Promise<void> {
    this.#socket?.destroy();
    await this.#reading;
  }

  async #readAll(socket: Socket): Promise<void> {
    const isCurrent = (): boolean => this.#socket === socket && !this.isStopped();
    try {
      await this.read(socket);
      if (isCurrent()) this.restart(`${this.location} ended the connection; connecting again`);
    } catch (error) {
      // Its own end makes reading fail too.
      if (isCurrent()) this.restart(`reading from ${this.location} failed; connecting again`, error);
    } finally {
      socket.destroy();
    }
  }
}
