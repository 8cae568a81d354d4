package sluice.peers;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;

/** Events to `campaign,window` of those that are views; Jackson's streaming parser. */
public final class ViewBolt extends BaseRichBolt {
  private static final JsonFactory JSON = new JsonFactory();

  private final String data;
  private transient OutputCollector out;
  private transient Map<String, String> campaigns;

  ViewBolt(String data) {
    this.data = data;
  }

  @Override
  public void prepare(Map<String, Object> config, TopologyContext context, OutputCollector collector) {
    out = collector;
    campaigns = new HashMap<>();
    try {
      List<String> lines = Files.readAllLines(Path.of(data, "ads.csv"));
      for (String line : lines.subList(1, lines.size())) {
        int comma = line.indexOf(',');
        campaigns.put(line.substring(0, comma), line.substring(comma + 1));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void execute(Tuple tuple) {
    String ad = null, type = null, time = null;
    try (JsonParser parser = JSON.createParser(tuple.getString(0))) {
      parser.nextToken();
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        String value = parser.nextTextValue();
        switch (name) {
          case "ad_id" -> ad = value;
          case "event_type" -> type = value;
          case "event_time" -> time = value;
          default -> {}
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    if ("view".equals(type)) {
      long window = Long.parseLong(time) / 10_000 * 10_000;
      out.emit(tuple, new Values(campaigns.get(ad) + "," + window));
    }
    out.ack(tuple);
  }

  @Override
  public void declareOutputFields(OutputFieldsDeclarer declarer) {
    declarer.declare(new Fields("key"));
  }
}
