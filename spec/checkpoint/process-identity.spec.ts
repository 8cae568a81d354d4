import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { isAlive, processIdentity } from '../../lib/checkpoint/process-identity.js';

describe('process identity', () => {
  it('knows its own process as alive, and another with its number as dead', () => {
    const own = processIdentity();
    expect(isAlive(own)).to.equal(true);
    if (own.start !== '') expect(isAlive({ ...own, start: 'another-boot/1' })).to.equal(false);
  });

  it('knows a process as dead once it was killed', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await once(child, 'spawn');
    const identity = processIdentity(child.pid);
    expect(isAlive(identity)).to.equal(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isAlive(identity)).to.equal(false);
  });
});
