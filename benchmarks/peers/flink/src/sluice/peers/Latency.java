package sluice.peers;

import java.util.Arrays;
import java.util.Locale;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.runtime.util.EnvironmentInformation;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/**
 * How old events are when they are committed: 10,000 a second, counted by key, given out by a two-phase sink whose commit
 * follows each checkpoint. From the instant at which the source made the event, which is to Flink's advantage when it is late.
 *
 * <p>Latency CHECKPOINT_MS EVENTS_PER_SECOND WARM_UP_SECONDS SECONDS WORK. Prints one result line.
 */
public final class Latency {
  private static final int KEYS = 10;

  public static void main(String[] args) throws Exception {
    int checkpointMs = Integer.parseInt(args[0]);
    double rate = Double.parseDouble(args[1]);
    Configuration settings = FlinkPeer.settings(args[4], "heap", 0);
    settings.setString("execution.checkpointing.interval", checkpointMs + "ms");
    settings.setString("execution.buffer-timeout.interval", "0ms");
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1, settings);
    var source =
        new DataGeneratorSource<Tuple2<Integer, Long>>(
            number -> Tuple2.of((int) (number % KEYS), System.nanoTime()),
            Long.MAX_VALUE,
            RateLimiterStrategy.perSecond(rate),
            Types.TUPLE(Types.INT, Types.LONG));
    env.fromSource(source, WatermarkStrategy.noWatermarks(), "events")
        .keyBy(event -> event.f0)
        .process(new Count())
        .returns(Types.TUPLE(Types.INT, Types.LONG, Types.LONG))
        .sinkTo(new CommitSink());
    var job = env.executeAsync("latency");
    Thread.sleep(Math.round(Double.parseDouble(args[2]) * 1000));
    CommitSink.begin();
    Thread.sleep(Math.round(Double.parseDouble(args[3]) * 1000));
    long[] latencies = CommitSink.latencies();
    job.cancel().get();
    Arrays.sort(latencies);
    System.out.printf(
        Locale.ROOT,
        "{\"system\":\"flink\",\"version\":\"%s\",\"form\":\"two-phase sink, checkpoint each %d ms\",\"events\":%d,"
            + "\"latencyMs\":{\"p50\":%.3f,\"p99\":%.3f,\"p999\":%.3f},\"ok\":%b}%n",
        EnvironmentInformation.getVersion(), checkpointMs, latencies.length, at(latencies, 0.5), at(latencies, 0.99),
        at(latencies, 0.999), CommitSink.inOrder() && latencies.length > 0);
    System.exit(0);
  }

  private static double at(long[] sorted, double share) {
    return sorted.length == 0 ? Double.NaN : sorted[Math.min(sorted.length - 1, (int) (sorted.length * share))] / 1e6;
  }

  private static final class Count
      extends KeyedProcessFunction<Integer, Tuple2<Integer, Long>, Tuple3<Integer, Long, Long>> {
    private transient ValueState<Long> count;

    @Override
    public void open(OpenContext context) {
      count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
    }

    @Override
    public void processElement(Tuple2<Integer, Long> event, Context context, Collector<Tuple3<Integer, Long, Long>> out)
        throws Exception {
      Long before = count.value();
      long now = before == null ? 1 : before + 1;
      count.update(now);
      out.collect(Tuple3.of(event.f0, now, event.f1));
    }
  }
}
