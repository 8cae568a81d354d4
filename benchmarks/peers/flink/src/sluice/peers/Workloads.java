package sluice.peers;

import java.time.Duration;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.windowing.WindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** The four workloads by the DataStream API; those by SQL are in SqlWorkloads. */
final class Workloads {
  private Workloads() {}

  /** Adds the job to the environment; gives what says, after it has run, whether its answer was right. */
  static BooleanSupplier build(StreamExecutionEnvironment env, String workload, String form, Data data)
      throws Exception {
    if (form.equals("SQL")) return SqlWorkloads.build(env, workload, data);
    return switch (workload) {
      case "ysb" -> ysb(env, data);
      case "wordcount" -> wordCount(env, data);
      case "grep" -> grep(env, data);
      case "clicks" -> clicks(env, data);
      default -> throw new IllegalArgumentException(workload);
    };
  }

  private static DataStream<String> lines(StreamExecutionEnvironment env, Data data) {
    return env.fromSource(Inputs.lines(data.input()), WatermarkStrategy.noWatermarks(), "lines");
  }

  /** Event-time windows, which fire when the watermark has passed them. */
  private static BooleanSupplier ysb(StreamExecutionEnvironment env, Data data) throws Exception {
    Map<String, String> campaigns = data.campaigns();
    WatermarkStrategy<Inputs.Event> inOrder =
        WatermarkStrategy.<Inputs.Event>forBoundedOutOfOrderness(Duration.ofSeconds(15))
            .withTimestampAssigner((event, before) -> event.time);
    env.fromSource(Inputs.events(data.input()), inOrder, "events", Types.POJO(Inputs.Event.class))
        .filter(event -> event.type.equals("view"))
        .map(event -> campaigns.get(event.ad))
        .returns(Types.STRING)
        .keyBy(campaign -> campaign)
        .window(TumblingEventTimeWindows.of(Duration.ofSeconds(10)))
        .aggregate(new CountOf<String>(), new Labelled())
        .returns(Types.TUPLE(Types.STRING, Types.LONG))
        .sinkTo(Counts.ofPairs());
    return () -> Counts.all().equals(data.expected());
  }

  private static final class CountOf<T> implements AggregateFunction<T, Long, Long> {
    @Override
    public Long createAccumulator() {
      return 0L;
    }

    @Override
    public Long add(T value, Long count) {
      return count + 1;
    }

    @Override
    public Long getResult(Long count) {
      return count;
    }

    @Override
    public Long merge(Long a, Long b) {
      return a + b;
    }
  }

  private static final class Labelled implements WindowFunction<Long, Tuple2<String, Long>, String, TimeWindow> {
    @Override
    public void apply(String campaign, TimeWindow window, Iterable<Long> count, Collector<Tuple2<String, Long>> out) {
      out.collect(Tuple2.of(campaign + "," + window.getStart(), count.iterator().next()));
    }
  }

  private static BooleanSupplier wordCount(StreamExecutionEnvironment env, Data data) {
    lines(env, data)
        .flatMap(
            (String line, Collector<Tuple2<String, Long>> out) -> {
              Probe.read();
              int from = 0;
              for (int to = line.indexOf(' '); to >= 0; to = line.indexOf(' ', from)) {
                out.collect(Tuple2.of(line.substring(from, to), 1L));
                from = to + 1;
              }
              out.collect(Tuple2.of(line.substring(from), 1L));
            })
        .returns(Types.TUPLE(Types.STRING, Types.LONG))
        .keyBy(pair -> pair.f0)
        .sum(1)
        .sinkTo(Counts.ofPairs());
    return () -> Counts.all().equals(data.expected());
  }

  private static BooleanSupplier grep(StreamExecutionEnvironment env, Data data) {
    lines(env, data)
        .filter(
            line -> {
              Probe.read();
              return line.contains("zq");
            })
        .map(line -> Tuple2.of("matches", 1L))
        .returns(Types.TUPLE(Types.STRING, Types.LONG))
        .keyBy(pair -> pair.f0)
        .sum(1)
        .sinkTo(Counts.ofPairs());
    return () -> Counts.all().equals(Map.of("matches", data.number("matches")));
  }

  /** Clicks and views of each user in keyed state, given out anew for each event. */
  private static BooleanSupplier clicks(StreamExecutionEnvironment env, Data data) {
    lines(env, data)
        .flatMap(
            (String line, Collector<Tuple2<String, Boolean>> out) -> {
              Probe.read();
              int comma = line.indexOf(',');
              if (line.startsWith("click,", comma + 1)) out.collect(Tuple2.of(line.substring(0, comma), true));
              else if (line.startsWith("view,", comma + 1)) out.collect(Tuple2.of(line.substring(0, comma), false));
            })
        .returns(Types.TUPLE(Types.STRING, Types.BOOLEAN))
        .keyBy(event -> event.f0)
        .process(new Running())
        .returns(Types.TUPLE(Types.STRING, Types.LONG, Types.LONG))
        .sinkTo(new Totals());
    return () -> Totals.all().equalTo(data.runningSums());
  }

  private static final class Running
      extends KeyedProcessFunction<String, Tuple2<String, Boolean>, Tuple3<String, Long, Long>> {
    private transient ValueState<Tuple2<Long, Long>> counts;

    @Override
    public void open(OpenContext context) {
      counts =
          getRuntimeContext().getState(new ValueStateDescriptor<>("counts", Types.TUPLE(Types.LONG, Types.LONG)));
    }

    @Override
    public void processElement(Tuple2<String, Boolean> event, Context context, Collector<Tuple3<String, Long, Long>> out)
        throws Exception {
      Tuple2<Long, Long> before = counts.value();
      long clicks = (before == null ? 0 : before.f0) + (event.f1 ? 1 : 0);
      long views = (before == null ? 0 : before.f1) + (event.f1 ? 0 : 1);
      counts.update(Tuple2.of(clicks, views));
      out.collect(Tuple3.of(event.f0, clicks, views));
    }
  }
}
