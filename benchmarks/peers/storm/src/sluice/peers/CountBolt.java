package sluice.peers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.tuple.Tuple;

/** Running counts by key, in memory: a bolt of Storm's has no other state. One task only. */
public final class CountBolt extends BaseRichBolt {
  /** Written by the bolt's thread alone; behind each write the map is as it says. */
  static volatile long counted;

  static volatile long firstMs;

  private static final Map<String, long[]> COUNTS = new HashMap<>();

  private transient OutputCollector out;

  @Override
  public void prepare(Map<String, Object> config, TopologyContext context, OutputCollector collector) {
    out = collector;
  }

  @Override
  public void execute(Tuple tuple) {
    String key = tuple.getString(0);
    long[] count = COUNTS.get(key);
    if (count == null) COUNTS.put(key, count = new long[1]);
    count[0]++;
    if (counted == 0) firstMs = System.currentTimeMillis();
    counted++;
    out.ack(tuple);
  }

  /** Against lines `key,count`; keys may hold commas. */
  static boolean isRight(Path expected) throws IOException {
    List<String> lines = Files.readAllLines(expected);
    if (lines.size() != COUNTS.size()) return false;
    for (String line : lines) {
      int comma = line.lastIndexOf(',');
      long[] count = COUNTS.get(line.substring(0, comma));
      if (count == null || count[0] != Long.parseLong(line.substring(comma + 1))) return false;
    }
    return true;
  }

  @Override
  public void declareOutputFields(OutputFieldsDeclarer declarer) {}
}
