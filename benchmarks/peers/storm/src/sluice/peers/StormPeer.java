package sluice.peers;

import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.storm.Config;
import org.apache.storm.LocalCluster;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Fields;
import org.apache.storm.utils.VersionInfo;

/**
 * Runs a workload on Storm's local cluster in this process: one spout, one bolt that takes lines apart, one that counts.
 * Storm at its best is at-least-once with acking, and loses silently without.
 *
 * <p>StormPeer WORKLOAD FORM DATA: workloads ysb and wordcount; forms acked and unacked. Prints one result line.
 */
public final class StormPeer {
  private static final int MAX_PENDING = 1000;
  private static final long LIMIT_MS = 1_200_000;

  public static void main(String[] args) throws Exception {
    String workload = args[0];
    boolean acked = args[1].equals("acked");
    Path data = Path.of(args[2]);
    String about = Files.readString(data.resolve("about.json"));
    long records = number(about, "records");
    long lines = workload.equals("ysb") ? records : number(about, "lines");
    // What arrives at the last bolt: of events only the views.
    long counted = workload.equals("ysb") ? number(about, "views") : records;

    TopologyBuilder topology = new TopologyBuilder();
    topology.setSpout("lines", new LineSpout(filesIn(data.resolve("input")), acked), 1);
    if (workload.equals("ysb")) topology.setBolt("keys", new ViewBolt(data.toString()), 1).localOrShuffleGrouping("lines");
    else topology.setBolt("keys", new SplitBolt(), 1).localOrShuffleGrouping("lines");
    topology.setBolt("counts", new CountBolt(), 1).fieldsGrouping("keys", new Fields("key"));

    Config config = new Config();
    config.setNumWorkers(1);
    config.setNumAckers(acked ? 1 : 0);
    config.setMaxSpoutPending(MAX_PENDING);
    config.setMessageTimeoutSecs(600);
    // Larger ones were slower here, and the last one that is not full never leaves.
    config.put(Config.TOPOLOGY_PRODUCER_BATCH_SIZE, 1);
    config.put(Config.TOPOLOGY_EXECUTOR_RECEIVE_BUFFER_SIZE, 32_768);
    config.put(Config.TOPOLOGY_STATS_SAMPLE_RATE, 0.001);
    new LocalCluster().submitTopology("peer", config, topology.createTopology());

    long giveUp = System.currentTimeMillis() + LIMIT_MS;
    while (CountBolt.counted < counted || (acked && LineSpout.acked < lines)) {
      if (System.currentTimeMillis() > giveUp) break;
      Thread.sleep(2);
    }
    double wallMs = (System.nanoTime() - LineSpout.firstNs) / 1e6;
    double cpuMs = processCpuMs() - LineSpout.firstCpuMs;
    boolean ok = CountBolt.isRight(data.resolve("expected.csv"));
    System.out.printf(
        Locale.ROOT,
        "{\"system\":\"storm\",\"version\":\"%s\",\"form\":\"%s\",\"start\":\"cold\",\"threads\":%d,\"records\":%d,"
            + "\"wallMs\":%.3f,\"cpuMs\":%.3f,\"rssMb\":%.1f,\"startUpMs\":%d,\"ok\":%b}%n",
        VersionInfo.getVersion(), args[1], Runtime.getRuntime().availableProcessors(), records, wallMs, cpuMs,
        peakRssMb(), CountBolt.firstMs - ManagementFactory.getRuntimeMXBean().getStartTime(), ok);
    System.out.flush();
    // A shutdown takes its time and is no part of this.
    Runtime.getRuntime().halt(ok ? 0 : 1);
  }

  private static List<String> filesIn(Path folder) throws Exception {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(Path::toString).sorted().toList();
    }
  }

  private static long number(String about, String name) {
    Matcher found = Pattern.compile("\"" + name + "\":(\\d+)").matcher(about);
    if (!found.find()) throw new IllegalStateException("about.json has no " + name);
    return Long.parseLong(found.group(1));
  }

  static double processCpuMs() {
    var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    return system.getProcessCpuTime() / 1e6;
  }

  private static double peakRssMb() throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM")) return Long.parseLong(line.replaceAll("\\D", "")) / 1024.0;
    }
    return 0;
  }
}
