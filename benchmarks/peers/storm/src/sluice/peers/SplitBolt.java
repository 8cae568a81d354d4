package sluice.peers;

import java.util.Map;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;

/** Lines to words. Anchored to the line, so that with acking a lost word brings the line again. */
public final class SplitBolt extends BaseRichBolt {
  private transient OutputCollector out;

  @Override
  public void prepare(Map<String, Object> config, TopologyContext context, OutputCollector collector) {
    out = collector;
  }

  @Override
  public void execute(Tuple tuple) {
    String line = tuple.getString(0);
    int from = 0;
    for (int to = line.indexOf(' '); to >= 0; to = line.indexOf(' ', from)) {
      out.emit(tuple, new Values(line.substring(from, to)));
      from = to + 1;
    }
    out.emit(tuple, new Values(line.substring(from)));
    out.ack(tuple);
  }

  @Override
  public void declareOutputFields(OutputFieldsDeclarer declarer) {
    declarer.declare(new Fields("key"));
  }
}
