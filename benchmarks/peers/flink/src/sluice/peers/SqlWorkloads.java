package sluice.peers;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ScalarFunction;
import org.apache.flink.table.functions.TableFunction;

/** Workloads by SQL with mini-batches, without which each event would change the result by itself. */
final class SqlWorkloads {
  private SqlWorkloads() {}

  static BooleanSupplier build(StreamExecutionEnvironment env, String workload, Data data) throws Exception {
    StreamTableEnvironment tables = StreamTableEnvironment.create(env);
    var config = tables.getConfig();
    config.set("table.exec.mini-batch.enabled", "true");
    config.set("table.exec.mini-batch.allow-latency", "500 ms");
    config.set("table.exec.mini-batch.size", "50000");
    config.set("table.optimizer.agg-phase-strategy", "TWO_PHASE");
    String query =
        switch (workload) {
          case "ysb" -> ysb(tables, data);
          case "wordcount" -> wordCount(tables, data);
          default -> throw new IllegalArgumentException(workload);
        };
    tables.toChangelogStream(tables.sqlQuery(query)).sinkTo(Counts.ofRows());
    return () -> Counts.all().equals(data.expected());
  }

  /** The window is computed: the table's files come in no order, for which a watermark would have to wait. */
  private static String ysb(StreamTableEnvironment tables, Data data) throws Exception {
    Campaign.ADS.clear();
    Campaign.ADS.putAll(data.campaigns());
    tables.createTemporarySystemFunction("campaign", Campaign.class);
    tables.executeSql(
        "CREATE TEMPORARY TABLE events (ad_id STRING, event_type STRING, event_time STRING) WITH "
            + from(data, "json"));
    return "SELECT c, CAST(w * 10000 AS STRING), COUNT(*) FROM (SELECT campaign(ad_id) AS c, "
        + "CAST(event_time AS BIGINT) / 10000 AS w FROM events WHERE event_type = 'view') GROUP BY c, w";
  }

  private static String wordCount(StreamTableEnvironment tables, Data data) {
    tables.createTemporarySystemFunction("words", Words.class);
    tables.executeSql("CREATE TEMPORARY TABLE lines (line STRING) WITH " + from(data, "raw"));
    return "SELECT word, COUNT(*) FROM lines, LATERAL TABLE(words(line)) AS w(word) GROUP BY word";
  }

  private static String from(Data data, String format) {
    return "('connector' = 'filesystem', 'path' = '" + data.input() + "', 'format' = '" + format + "')";
  }

  public static final class Campaign extends ScalarFunction {
    static final Map<String, String> ADS = new ConcurrentHashMap<>();

    public String eval(String ad) {
      Probe.read();
      return ADS.get(ad);
    }
  }

  /** On Flink's own form of strings: a row and a string for each word cost twice as much. */
  @FunctionHint(
      input = @DataTypeHint(value = "STRING", bridgedTo = StringData.class),
      output = @DataTypeHint(value = "STRING", bridgedTo = StringData.class))
  public static final class Words extends TableFunction<StringData> {
    public void eval(StringData line) {
      Probe.read();
      byte[] bytes = line.toBytes();
      int from = 0;
      for (int to = 0; to <= bytes.length; to++) {
        if (to < bytes.length && bytes[to] != ' ') continue;
        if (to > from) collect(StringData.fromBytes(bytes, from, to - from));
        from = to + 1;
      }
    }
  }
}
