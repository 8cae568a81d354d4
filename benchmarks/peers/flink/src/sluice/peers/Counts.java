package sluice.peers;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;

/** A sink that keeps the last count of each key in memory; what leaves Flink costs it nothing more. */
final class Counts<T> implements Sink<T> {
  private static final List<Map<String, Long>> OF_SUBTASKS = new CopyOnWriteArrayList<>();

  private final Reader<T> reader;

  /** Gives key and count, or null for what takes an older count back. */
  interface Reader<T> extends MapFunction<T, Tuple2<String, Long>> {}

  private Counts(Reader<T> reader) {
    this.reader = reader;
    OF_SUBTASKS.clear();
  }

  static Counts<Tuple2<String, Long>> ofPairs() {
    return new Counts<>(pair -> pair);
  }

  /** Rows of a changelog: all columns but the last are the key. */
  static Counts<Row> ofRows() {
    return new Counts<>(
        row -> {
          if (row.getKind() == RowKind.UPDATE_BEFORE || row.getKind() == RowKind.DELETE) return null;
          int last = row.getArity() - 1;
          String key = last == 1 ? String.valueOf(row.getField(0)) : row.getField(0) + "," + row.getField(1);
          return Tuple2.of(key, (Long) row.getField(last));
        });
  }

  /** Counts only grow, so the largest is the last. */
  static Map<String, Long> all() {
    Map<String, Long> counts = new HashMap<>();
    for (Map<String, Long> some : OF_SUBTASKS) some.forEach((key, count) -> counts.merge(key, count, Math::max));
    return counts;
  }

  @Override
  public SinkWriter<T> createWriter(WriterInitContext context) {
    Map<String, Long> counts = new HashMap<>();
    OF_SUBTASKS.add(counts);
    return new SinkWriter<>() {
      @Override
      public void write(T record, Context context) {
        Probe.result();
        try {
          Tuple2<String, Long> pair = reader.map(record);
          if (pair != null) counts.put(pair.f0, pair.f1);
        } catch (Exception e) {
          throw new IllegalStateException(e);
        }
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
