/**
 * Feeds a stream from a queue in the program: thirty batches of the numbers from 1 to 1000, one for each batch of the
 * job, counted by their last digit.
 *
 * In:   nothing.
 * Out:  the console: each digit and how many numbers end in it.
 * Run:  npx sluice run jobs/queue-stream.ts --once --checkpoint none
 */
import { BatchQueue, job } from 'sluice';

const numbers = Array.from({ length: 1000 }, (_, i) => i + 1);
const queue = new BatchQueue<number>();
for (let batch = 0; batch < 30; batch++) queue.push(numbers);

export default job('queue-stream', { options: { interval: '1s' } }, ssc => {
  ssc
    .queueStream(queue)
    .map(n => [n % 10, 1])
    .reduceByKey((a, b) => a + b)
    .print();
});
