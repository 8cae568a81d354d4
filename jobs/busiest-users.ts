/**
 * Operations on columns: the events of each batch are counted by user and minute, and the three busiest of these are
 * printed, the share of clicks beside them. No row is made until the end; only the columns that are used are decoded.
 *
 *   npx tsx jobs/generate-clicks.ts out/clicks 20000
 *   npx sluice run jobs/busiest-users.ts --once
 *
 * Appends lines such as `2024-01-31 12:05,user7,31,0.29` to the output: minute, user, events, clicks of each event.
 */
import {
  arg,
  avg,
  col,
  count,
  csv,
  dateFormat,
  desc,
  job,
  schema,
  timestamp,
  udf,
  utf8,
  when,
  windowStart,
} from 'sluice';

const events = schema({ user: utf8(), action: utf8(), ts: timestamp() });
const round = udf((share: number) => Math.round(share * 100) / 100, 'float64');

const args = {
  input: arg.path('out/clicks', 'folder of CSV files: user,action,ts'),
  output: arg.path('out/busiest-users.csv', 'CSV file that the lines are appended to'),
};

export default job('busiest-users', { args }, (ssc, { input, output }) => {
  ssc
    .fileStream(input, csv(events))
    .where(
      col('user')
        .like('user%')
        .and(col('action').isIn(['click', 'view'])),
    )
    .withColumn('minute', windowStart(col('ts'), '1m'))
    .groupBy('minute', 'user')
    .agg({ events: count(), share: avg(when(col('action').eq('click'), 1).otherwise(0)) })
    .orderBy(desc('events'), 'minute', 'user')
    .limit(3)
    .select({
      minute: dateFormat(col('minute'), 'yyyy-MM-dd HH:mm'),
      user: col('user'),
      events: col('events'),
      share: round(col('share')),
    })
    .saveAsCsv(output, { header: false });
});
