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
    expect(matchOperators('/c', loaded, [sessions, counts])).to.deep.equal([]);
  });

  it('notes that a new operator starts without state', () => {
    const loaded = checkpointOf([counts], ['counts']);
    expect(matchOperators('/c', loaded, [counts, sessions])).to.deep.equal([
      "operator 'sessions' is not in the checkpoint: it starts without state",
    ]);
  });

  it('lets go of an operator that never had state, and of its columns', () => {
    const loaded = checkpointOf([counts, sessions], ['counts']);
    expect(matchOperators('/c', loaded, [counts])).to.deep.equal([]);
    expect(matchOperators('/c', loaded, [counts, { ...sessions, keys: 'id int64' }])).to.deep.equal([]);
  });

  it('refuses what changed or is gone with both sides and the cure', () => {
    const loaded = checkpointOf([counts, sessions], ['counts', 'sessions']);
    const renamed = { ...sessions, id: 'visits' };
    expect(() => matchOperators('/c', loaded, [{ ...counts, values: 'n float64' }, renamed]))
      .to.throw(EngineError)
      .with.property(
        'message',
        [
          "the checkpoint in /c holds state that does not fit job 'clicks' any more:",
          '  counts',
          '    checkpoint: aggregate by user utf8 of n int64',
          '    job:        aggregate by user utf8 of n float64',
          '  sessions',
          '    checkpoint: rows by id utf8 of nothing',
          '    job:        no operator with this id',
          '  only in the job: visits',
          'give the operator its old id and columns, or start with a new checkpoint directory',
        ].join('\n'),
      );
  });
});
