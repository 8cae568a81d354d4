package sluice.peers;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.api.connector.sink2.CommitterInitContext;
import org.apache.flink.api.connector.sink2.CommittingSinkWriter;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.SupportsCommitter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * An exactly-once sink: what was written since the last checkpoint is committed when the next one is complete, and seen
 * then. A committable is key, count and nanoseconds of each event, three longs.
 */
final class CommitSink implements Sink<Tuple3<Integer, Long, Long>>, SupportsCommitter<long[]> {
  private static final Map<Long, Long> COUNTS = new HashMap<>();
  private static long[] latencies = new long[1 << 16];
  private static int size;
  private static boolean measuring;
  private static boolean inOrder = true;

  static synchronized void begin() {
    measuring = true;
  }

  /** Nanoseconds of the events committed since. */
  static synchronized long[] latencies() {
    measuring = false;
    return Arrays.copyOf(latencies, size);
  }

  /** Whether each key's counts came one after another, none left out and none twice. */
  static synchronized boolean inOrder() {
    return inOrder;
  }

  private static synchronized void commit(long[] events) {
    long nowNs = System.nanoTime();
    for (int at = 0; at < events.length; at += 3) {
      long before = COUNTS.getOrDefault(events[at], 0L);
      if (events[at + 1] != before + 1) inOrder = false;
      COUNTS.put(events[at], events[at + 1]);
      if (!measuring) continue;
      if (size == latencies.length) latencies = Arrays.copyOf(latencies, size * 2);
      latencies[size++] = nowNs - events[at + 2];
    }
  }

  @Override
  public SinkWriter<Tuple3<Integer, Long, Long>> createWriter(WriterInitContext context) {
    return new Writer();
  }

  private static final class Writer implements CommittingSinkWriter<Tuple3<Integer, Long, Long>, long[]> {
    private long[] events = new long[1 << 12];
    private int size;

    @Override
    public void write(Tuple3<Integer, Long, Long> event, Context context) {
      if (size + 3 > events.length) events = Arrays.copyOf(events, events.length * 2);
      events[size++] = event.f0;
      events[size++] = event.f1;
      events[size++] = event.f2;
    }

    @Override
    public Collection<long[]> prepareCommit() {
      if (size == 0) return List.of();
      long[] made = Arrays.copyOf(events, size);
      size = 0;
      return List.of(made);
    }

    @Override
    public void flush(boolean endOfInput) {}

    @Override
    public void close() {}
  }

  @Override
  public Committer<long[]> createCommitter(CommitterInitContext context) {
    return new Committer<>() {
      @Override
      public void commit(Collection<CommitRequest<long[]>> requests) {
        for (var request : requests) CommitSink.commit(request.getCommittable());
      }

      @Override
      public void close() {}
    };
  }

  @Override
  public SimpleVersionedSerializer<long[]> getCommittableSerializer() {
    return new SimpleVersionedSerializer<>() {
      @Override
      public int getVersion() {
        return 1;
      }

      @Override
      public byte[] serialize(long[] events) {
        ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES * events.length);
        bytes.asLongBuffer().put(events);
        return bytes.array();
      }

      @Override
      public long[] deserialize(int version, byte[] bytes) {
        long[] events = new long[bytes.length / Long.BYTES];
        ByteBuffer.wrap(bytes).asLongBuffer().get(events);
        return events;
      }
    };
  }
}
