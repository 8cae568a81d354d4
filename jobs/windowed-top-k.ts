/**
 * The hashtags of the last minute, most frequent first, anew every ten seconds. The totals of a window are state: a
 * batch adds what came and takes back what is older than the window, and a restart goes on with the same window.
 *
 * In:   text files in a folder, a post a line; what begins with # is a hashtag. New files are picked up as they arrive.
 * Out:  each slide on the console, and in a folder of its own, `<output>-TIME/part-00000`, whole when it has `_SUCCESS`.
 * Run:  mkdir -p out/posts && echo 'I like #streams, and #arrow' > out/posts/1.txt
 *       npx sluice run jobs/windowed-top-k.ts --arg input=FOLDER --arg output=PREFIX --arg top=3
 * Prints, at the end of each slide:
 *       1. #arrow 1
 *       2. #streams 1
 */
import { arg, job } from 'sluice';

const args = {
  input: arg.path('out/posts', 'folder of text files, a post a line'),
  output: arg.path('out/top-hashtags/slide', 'what the names of the folders of results begin with'),
  top: arg.integer(10, 'how many hashtags'),
  window: arg.duration('60s', 'time over which they are counted'),
  slide: arg.duration('10s', 'time from one result to the next'),
};

type Count = readonly [tag: string, count: number];

const hashtags = (post: string): string[] => post.toLowerCase().match(/(?<!\S)#[\p{L}\p{N}_]+/gu) ?? [];

/** The first `top` by count; of equal ones in the order of the alphabet. */
const largest =
  (top: number) =>
  (counts: Iterable<Count>): Count[] =>
    [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).slice(0, top);

export default job('windowed-top-k', { args }, (ssc, { input, output, top, window, slide }) => {
  const lines = ssc
    .textFileStream(input)
    .flatMap(hashtags)
    .map(tag => [tag, 1])
    .reduceByKeyAndWindow(
      (a, b) => a + b,
      (total, leaving) => total - leaving,
      window,
      slide,
      { filter: ([, count]) => count > 0 },
    )
    // The largest of each partition, and of these the largest: few rows move.
    .mapPartitions(largest(top))
    .repartition(1)
    .mapPartitions(counts => largest(top)(counts).map(([tag, count], i) => `${i + 1}. ${tag} ${count}`));
  lines.print(top);
  lines.saveAsTextFiles(output);
});
