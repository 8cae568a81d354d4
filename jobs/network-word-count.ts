/**
 * Counts the words of each batch of lines that a TCP server sends, as Spark's example of the same name does.
 *
 * In:   lines of text from HOST:PORT; when the server goes away the job connects again every 2 s.
 * Out:  the words of each batch with their counts, printed.
 * Run:  nc -lk 9999                                          in one terminal, and type into it
 *       npx sluice run jobs/network-word-count.ts --interval 1s
 */
import { arg, job } from 'sluice';

const args = {
  host: arg.string('localhost', 'where the server is'),
  port: arg.integer(9999, 'its port'),
};

export default job('network-word-count', { args }, (ssc, { host, port }) => {
  ssc
    .socketTextStream(host, port)
    .flatMap(line => line.split(/\s+/).filter(word => word !== ''))
    .countByValue()
    .print();
});
