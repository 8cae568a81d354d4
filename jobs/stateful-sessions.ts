/**
 * Follows the sessions of users: a session begins with a user's first event and is over when none came for a while. One
 * line for each session that is over says how long it took and what the user did. Open sessions are state: they survive
 * a restart, and a kill, and one that would have ended meanwhile ends with the next start.
 *
 * In:   CSV files with the header `user,action,ts`, in a folder; new files are picked up as they arrive.
 * Out:  a CSV file `user,seconds,clicks,views`, each session exactly once.
 * Run:  npx sluice run jobs/stateful-sessions.ts --arg input=FOLDER --arg output=FILE.csv --arg idle=10s
 *       (with `--once` no time passes, so that no session ends; `npx tsx jobs/generate-clicks.ts out/clicks 20000`
 *       makes events)
 */
import { arg, csv, job, schema, StateSpec, timestamp, utf8, type State } from 'sluice';

const events = schema({ user: utf8(), action: utf8(), ts: timestamp() });

interface Session {
  readonly since: number;
  readonly last: number;
  readonly clicks: number;
  readonly views: number;
}

/** Called for each event, and with no action for a user who was idle for too long. */
const follow = StateSpec.function((user: string, action: string | undefined, session: State<Session>, time) => {
  if (action === undefined) {
    const { since, last, clicks, views } = session.get();
    return { user, seconds: (last - since) / 1000, clicks, views };
  }
  const { since, clicks, views } = session.getOption() ?? { since: time, clicks: 0, views: 0 };
  const isClick = action === 'click';
  session.update({ since, last: time, clicks: clicks + (isClick ? 1 : 0), views: views + (isClick ? 0 : 1) });
  return undefined;
});

const args = {
  input: arg.path('out/clicks', 'folder of CSV files: user,action,ts'),
  output: arg.path('out/sessions.csv', 'CSV file that the sessions are appended to'),
  idle: arg.duration('30s', 'time without an event after which a session is over'),
};

export default job('stateful-sessions', { args }, (ssc, { input, output, idle }) => {
  ssc
    .fileStream(input, csv(events))
    .map(({ user, action }) => [user, action])
    .mapWithState(follow.timeout(idle).id('sessions'))
    .saveAsCsv(output, { header: true });
});
