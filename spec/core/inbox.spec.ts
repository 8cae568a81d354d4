import { expect } from 'chai';
import { Inbox } from '../../lib/core/inbox.js';

describe('inbox', () => {
  it('handles events in the order they were posted, each to its end before the next', () => {
    const log: string[] = [];
    const inbox: Inbox<string> = new Inbox(event => {
      log.push(`begin ${event}`);
      if (event === 'a') {
        inbox.post('a1');
        inbox.post('a2');
      }
      log.push(`end ${event}`);
    });
    inbox.post('a');
    inbox.post('b');
    expect(log).to.deep.equal(['a', 'a1', 'a2', 'b'].flatMap(event => [`begin ${event}`, `end ${event}`]));
  });

  it('goes on after a handler has thrown to whoever posted', () => {
    const handled: number[] = [];
    const inbox = new Inbox<number>(event => {
      if (event === 1) throw new Error('one is bad');
      handled.push(event);
    });
    expect(() => inbox.post(1)).to.throw('one is bad');
    inbox.post(2);
    expect(handled).to.deep.equal([2]);
  });
});
