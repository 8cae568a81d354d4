import { col } from '../../lib/api/expressions.js';
import { schema, utf8, int64, nullable } from '../../lib/core/schema.js';
import { expectStream } from '../helpers/expect-stream.js';

const events = schema({ ad: utf8(), n: int64() });
const ads = schema({ ad: utf8(), campaign: utf8(), cost: nullable(int64()) });
const ROWS = [
  { ad: 'a', campaign: 'x', cost: 1 },
  { ad: 'b', campaign: 'y', cost: null },
  { ad: 'b', campaign: 'z', cost: 3 },
];
const INPUT = [
  [
    { ad: 'a', n: 1 },
    { ad: 'b', n: 2 },
    { ad: 'c', n: 3 },
  ],
];

describe('join with a static table', () => {
  it('puts the other columns of the rows that it finds beside a row', async () => {
    await expectStream(
      INPUT,
      (s, ssc) => s.join(ssc.staticTable(ROWS, ads), 'ad'),
      [
        [
          { ad: 'a', n: 1, campaign: 'x', cost: 1 },
          { ad: 'b', n: 2, campaign: 'y', cost: null },
          { ad: 'b', n: 2, campaign: 'z', cost: 3 },
        ],
      ],
      { schema: events, ordered: true },
    );
  });

  it('keeps what finds nothing in a left join', async () => {
    await expectStream(
      INPUT,
      (s, ssc) => s.where(col('n').gt(1)).join(ssc.staticTable(ROWS, ads), { ad: 'ad' }, { how: 'left' }),
      [
        [
          { ad: 'b', n: 2, campaign: 'y', cost: null },
          { ad: 'b', n: 2, campaign: 'z', cost: 3 },
          { ad: 'c', n: 3, campaign: null, cost: null },
        ],
      ],
      { schema: events, ordered: true },
    );
  });
});
