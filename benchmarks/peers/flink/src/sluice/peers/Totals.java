package sluice.peers;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.api.java.tuple.Tuple3;

/** A sink that adds running counts up instead of keeping them by user, which would cost as much as the state they come from. */
final class Totals implements Sink<Tuple3<String, Long, Long>> {
  private static final List<RunningSums> OF_SUBTASKS = new CopyOnWriteArrayList<>();

  Totals() {
    OF_SUBTASKS.clear();
  }

  static RunningSums all() {
    RunningSums sums = new RunningSums();
    for (RunningSums some : OF_SUBTASKS) sums.add(some);
    return sums;
  }

  @Override
  public SinkWriter<Tuple3<String, Long, Long>> createWriter(WriterInitContext context) {
    RunningSums sums = new RunningSums();
    OF_SUBTASKS.add(sums);
    return new SinkWriter<>() {
      @Override
      public void write(Tuple3<String, Long, Long> counts, Context context) {
        Probe.result();
        sums.add(counts.f1, counts.f2);
      }

      @Override
      public void flush(boolean endOfInput) {
        if (endOfInput) Probe.end();
      }

      @Override
      public void close() {}
    };
  }
}
