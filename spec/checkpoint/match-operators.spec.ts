import { expect } from 'chai';
import type { LoadedCheckpoint } from '../../lib/checkpoint/load-checkpoint.js';
import type { OperatorInfo } from '../../lib/checkpoint/manifest.js';
import { matchOperators } from '../../lib/checkpoint/match-operators.js';
import { EngineError } from '../../lib/core/errors.js';

const counts: OperatorInfo = { id: 'counts', kind: 'aggregate', keys: 'user utf8', values: 'n int64' };
const sessions: OperatorInfo = { id: 'sessions', kind: 'rows', keys: 'id utf8', values: '' };

function checkpointOf(operators: readonly OperatorInfo[], withState: readonly string[]): LoadedCheckpoint {
  const snapshots = withState.map(operator => ({ operator, numRows: 3 }));
  return { manifest: { job: 'clicks', operators, snapshots }, batches: [] } as unknown as LoadedCheckpoint;
}

describe('matchOperators', () => {
  it('takes operators by id, in any order', () => {
    const loaded = checkpointOf([counts, sessions], ['counts', 'sessions']);
    expect(matchOperators('/c', loaded, [sessions, counts]).warnings).to.deep.equal([]);
  });

  it('notes that a new operator starts without state', () => {
    const loaded = checkpointOf([counts], ['counts']);
    expect(matchOperators('/c', loaded, [counts, sessions]).warnings).to.deep.equal([
      "operator 'sessions' is not in the checkpoint: it starts without state",
    ]);
  });

  it('lets go of an operator that never had state, and of its columns', () => {
    const loaded = checkpointOf([counts, sessions], ['counts']);
    expect(matchOperators('/c', loaded, [counts]).warnings).to.deep.equal([]);
    expect(matchOperators('/c', loaded, [counts, { ...sessions, keys: 'id int64' }]).warnings).to.deep.equal([]);
  });

  it('refuses what changed or is gone with both sides and the cure', () => {
    const loaded = checkpointOf([counts, sessions], ['counts', 'sessions']);
    const renamed = { ...sessions, id: 'visits' };
    expect(() => matchOperators('/c', loaded, [{ ...counts, values: 'n timestamp' }, renamed]))
      .to.throw(EngineError)
      .with.property(
        'message',
        [
          "the checkpoint in /c holds state that does not fit job 'clicks' any more:",
          '  counts',
          '    checkpoint: aggregate by user utf8 of n int64',
          '    job:        aggregate by user utf8 of n timestamp',
          "    - 'n' was int64 and is timestamp, which not every value of it fits: keep the type, or drop this state",
          '  sessions',
          '    checkpoint: rows by id utf8 of nothing',
          '    job:        no operator with this id',
          '  only in the job: visits',
          'give an operator that moved its old id, or start with a new checkpoint directory, or go on without that state:',
          '  sluice checkpoint drop-operator /c --operator counts',
          '  sluice checkpoint drop-operator /c --operator sessions',
        ].join('\n'),
      );
  });

  it('refuses state of a definition that nothing tells of', () => {
    const { manifest, batches } = checkpointOf([counts], []);
    const snapshots = [{ operator: 'counts', numRows: 3, definition: 'ffffffff' }];
    const loaded = { manifest: { ...manifest, snapshots }, batches } as unknown as LoadedCheckpoint;
    expect(() => matchOperators('/c', loaded, [counts]))
      .to.throw(EngineError, 'checkpoint: another definition (ffffffff)')
      .with.property('code', 'checkpointForeign');
  });

  it('shows what an aggregate meant and means, where only its condition changed', () => {
    const was = { ...counts, aggregates: { n: 'sum(1) where action = "click"' } };
    const is = { ...counts, aggregates: { n: 'sum(1) where action = "view"' } };
    const refusal = expect(() => matchOperators('/c', checkpointOf([was], ['counts']), [is])).to.throw(EngineError);
    refusal.with.property('message').which.includes('    checkpoint: n = sum(1) where action = "click"');
    refusal.with.property('message').which.includes('    job:        n = sum(1) where action = "view"');
    // Of before aggregates were noted, and without any change of it.
    expect(matchOperators('/c', checkpointOf([counts], ['counts']), [is]).warnings).to.deep.equal([]);
    expect(matchOperators('/c', checkpointOf([was], ['counts']), [was]).warnings).to.deep.equal([]);
  });
});
