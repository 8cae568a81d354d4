package sluice.peers;

import java.io.BufferedReader;
import java.io.FileReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichSpout;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Values;

/** The files' lines. With acking each is kept until it is acknowledged, and sent again when it fails. */
public final class LineSpout extends BaseRichSpout {
  static volatile long firstNs;
  static volatile double firstCpuMs;
  static volatile long acked;

  private final ArrayList<String> files;
  private final boolean acking;
  private transient SpoutOutputCollector out;
  private transient Deque<String> left;
  private transient Map<Long, String> pending;
  private transient BufferedReader reader;
  private transient long number;

  LineSpout(List<String> files, boolean acking) {
    this.files = new ArrayList<>(files);
    this.acking = acking;
  }

  @Override
  public void open(Map<String, Object> config, TopologyContext context, SpoutOutputCollector collector) {
    out = collector;
    left = new ArrayDeque<>(files);
    pending = new HashMap<>();
  }

  @Override
  public void nextTuple() {
    try {
      String line = nextLine();
      if (line == null) return;
      if (acking) {
        pending.put(++number, line);
        out.emit(new Values(line), number);
      } else {
        out.emit(new Values(line));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String nextLine() throws IOException {
    if (firstNs == 0) {
      firstCpuMs = StormPeer.processCpuMs();
      firstNs = System.nanoTime();
    }
    while (true) {
      String line = reader == null ? null : reader.readLine();
      if (line != null) return line;
      if (reader != null) reader.close();
      String file = left.poll();
      reader = file == null ? null : new BufferedReader(new FileReader(file), 1 << 16);
      if (reader == null) return null;
    }
  }

  @Override
  public void ack(Object id) {
    pending.remove((Long) id);
    acked++;
  }

  @Override
  public void fail(Object id) {
    out.emit(new Values(pending.get((Long) id)), id);
  }

  @Override
  public void declareOutputFields(OutputFieldsDeclarer declarer) {
    declarer.declare(new Fields("line"));
  }
}
