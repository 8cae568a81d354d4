import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Which process, on which machine, and when it was born: a number alone is given again to another process. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** Linux: boot id and start time in clock ticks since boot; elsewhere empty, and the number alone must do. */
  readonly start: string;
}

export function processIdentity(pid = process.pid, host = hostname()): ProcessIdentity {
  return { pid, host, start: readStart(pid)?.start ?? '' };
}

/** Whether that very process still runs on this machine. One that is ended and not yet collected by its parent does not. */
export function isAlive(identity: ProcessIdentity): boolean {
  try {
    process.kill(identity.pid, 0);
  } catch (thrown) {
    // EPERM: it is there and belongs to somebody else.
    if ((thrown as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = readStart(identity.pid);
  if (now === undefined) return true;
  return !now.ended && (identity.start === '' || identity.start === now.start);
}

/** From /proc: `PID (NAME) STATE ...`, where NAME may hold anything and the start time is the 22nd field. */
function readStart(pid: number): { readonly start: string; readonly ended: boolean } | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return { start: `${boot}/${fields[19]}`, ended: fields[0] === 'Z' || fields[0] === 'X' };
  } catch {
    // No /proc on this system: the caller goes by the process number.
    return undefined;
  }
}
