import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.Optional;
import org.apache.spark.streaming.Duration;
import org.apache.spark.streaming.api.java.JavaDStream;
import org.apache.spark.streaming.api.java.JavaPairDStream;
import org.apache.spark.streaming.api.java.JavaStreamingContext;
import scala.Tuple2;

/**
 * Spark's DStreams, the model that Sluice is of, on a workload's files in ten batches, some times one after another in one
 * JVM: the first run is cold, the others warm. Counts are kept by updateStateByKey, with a checkpoint.
 *
 * <p>DStreams WORKLOAD DATA WORK RUNS: workloads wordcount and grep. Prints one result line a run.
 */
public final class DStreams {
  private static final int BATCHES = 10;
  /** Shorter than a batch takes, so that batches follow each other. */
  private static final int INTERVAL_MS = 100;

  private static volatile long firstResultMs;

  public static void main(String[] args) throws Exception {
    String workload = args[0], work = args[2];
    Path data = Path.of(args[1]);
    SparkConf conf = new SparkConf().setAppName(workload).set("spark.ui.enabled", "false").set("spark.default.parallelism", "2");
    JavaSparkContext spark = new JavaSparkContext(conf);
    spark.setLogLevel("ERROR");
    for (int run = 0; run < Integer.parseInt(args[3]); run++) {
      run(spark, workload, data, Path.of(work, "checkpoint-" + run), run == 0 ? "cold" : "warm");
    }
    System.exit(0);
  }

  private static void run(JavaSparkContext spark, String workload, Path data, Path checkpoint, String start) throws Exception {
    String about = Files.readString(data.resolve("about.json"));
    JavaStreamingContext streaming = new JavaStreamingContext(spark, new Duration(INTERVAL_MS));
    List<String> batches = batchesOf(data.resolve("input"));
    Queue<JavaRDD<String>> queue = new ConcurrentLinkedQueue<>();
    for (String files : batches) queue.add(spark.textFile(files, 2).coalesce(2));
    JavaDStream<String> lines = streaming.queueStream(queue, true);
    AtomicInteger done = new AtomicInteger();
    AtomicLong matches = new AtomicLong();
    Map<String, Long> counts = new HashMap<>();
    long[] end = new long[1];
    boolean isGrep = workload.equals("grep");
    if (isGrep) {
      lines.filter(line -> line.contains("zq")).count().foreachRDD(rdd -> {
        rdd.collect().forEach(matches::addAndGet);
        told();
        if (done.incrementAndGet() == batches.size()) end[0] = System.nanoTime();
      });
    } else {
      streaming.checkpoint(checkpoint.toString());
      JavaPairDStream<String, Long> words =
          lines.flatMap(line -> Arrays.asList(line.split(" ")).iterator())
              .mapToPair(word -> new Tuple2<>(word, 1L))
              .reduceByKey(Long::sum, 2)
              .updateStateByKey((added, before) -> {
                long count = before.isPresent() ? before.get() : 0;
                for (Long n : added) count += n;
                return Optional.of(count);
              }, 2);
      words.foreachRDD(rdd -> {
        // Each batch computes all counts; only the last one's are looked at.
        rdd.count();
        told();
        if (done.incrementAndGet() == batches.size()) {
          end[0] = System.nanoTime();
          counts.putAll(rdd.collectAsMap());
        }
      });
    }
    double cpuBefore = cpuMs();
    long begun = System.nanoTime();
    streaming.start();
    double cpu = 0;
    while (end[0] == 0) Thread.sleep(5);
    cpu = cpuMs() - cpuBefore;
    streaming.stop(false, true);
    long records = number(about, isGrep ? "lines" : "records");
    boolean ok = isGrep ? matches.get() == number(about, "matches") : counts.equals(expected(data.resolve("expected.csv")));
    System.out.printf(
        Locale.ROOT,
        "{\"system\":\"spark\",\"version\":\"%s\",\"form\":\"DStreams\",\"start\":\"%s\",\"threads\":%d,\"records\":%d,"
            + "\"wallMs\":%.3f,\"cpuMs\":%.3f,\"rssMb\":%.1f,\"startUpMs\":%d,\"ok\":%b}%n",
        spark.version(), start, Runtime.getRuntime().availableProcessors(), records, (end[0] - begun) / 1e6, cpu, peakRssMb(),
        firstResultMs - java.lang.management.ManagementFactory.getRuntimeMXBean().getStartTime(), ok);
  }

  private static void told() {
    if (firstResultMs == 0) firstResultMs = System.currentTimeMillis();
  }

  /** Lists of files as textFile takes them, by commas. */
  private static List<String> batchesOf(Path input) throws IOException {
    try (Stream<Path> found = Files.list(input)) {
      List<String> files = found.map(Path::toString).sorted().toList();
      int perBatch = (files.size() + BATCHES - 1) / BATCHES;
      List<String> batches = new ArrayList<>();
      for (int at = 0; at < files.size(); at += perBatch) {
        batches.add(String.join(",", files.subList(at, Math.min(files.size(), at + perBatch))));
      }
      return batches;
    }
  }

  private static Map<String, Long> expected(Path file) throws IOException {
    Map<String, Long> expected = new HashMap<>();
    for (String line : Files.readAllLines(file)) {
      int comma = line.lastIndexOf(',');
      expected.put(line.substring(0, comma), Long.parseLong(line.substring(comma + 1)));
    }
    return expected;
  }

  private static long number(String about, String name) {
    Matcher found = Pattern.compile("\"" + name + "\":(\\d+)").matcher(about);
    if (!found.find()) throw new IllegalStateException("about.json has no " + name);
    return Long.parseLong(found.group(1));
  }

  private static double cpuMs() {
    var system = (com.sun.management.OperatingSystemMXBean) java.lang.management.ManagementFactory.getOperatingSystemMXBean();
    return system.getProcessCpuTime() / 1e6;
  }

  private static double peakRssMb() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM")) return Long.parseLong(line.replaceAll("\\D", "")) / 1024.0;
    }
    return 0;
  }
}
