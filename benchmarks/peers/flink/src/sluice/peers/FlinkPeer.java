package sluice.peers;

import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.util.EnvironmentInformation;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Runs a workload on Flink in this process, some times one after another: the first run is cold, the others warm. Exactly-once
 * checkpoints are on, each second. A run's time goes from the first record read to the last one at the sink, so that the
 * checkpoint which a bounded job waits for at its end is left out.
 *
 * <p>FlinkPeer WORKLOAD FORM DATA WORK RUNS: workloads ysb, wordcount, grep, clicks; forms DataStream and SQL, for clicks
 * heap and RocksDB.
 */
public final class FlinkPeer {
  /** On two cores with more the subtasks took turns: one was the fastest. */
  private static final int PARALLELISM = 1;

  public static void main(String[] args) throws Exception {
    String workload = args[0], form = args[1], work = args[3];
    int runs = Integer.parseInt(args[4]);
    Data data = new Data(Path.of(args[2]));
    for (int run = 0; run < runs; run++) {
      Probe.reset();
      StreamExecutionEnvironment env =
          StreamExecutionEnvironment.createLocalEnvironment(PARALLELISM, settings(work, form, run));
      env.setRuntimeMode(RuntimeExecutionMode.STREAMING);
      BooleanSupplier isRight = Workloads.build(env, workload, form, data);
      env.execute(workload);
      boolean ok = isRight.getAsBoolean();
      long records = data.number(workload.equals("grep") ? "lines" : "records");
      System.out.printf(
          Locale.ROOT,
          "{\"system\":\"flink\",\"version\":\"%s\",\"form\":\"%s\",\"start\":\"%s\",\"threads\":%d,\"records\":%d,"
              + "\"wallMs\":%.3f,\"cpuMs\":%.3f,\"rssMb\":%.1f,\"startUpMs\":%d,\"ok\":%b}%n",
          EnvironmentInformation.getVersion(), form, run == 0 ? "cold" : "warm",
          // One core each for the task and for what the JVM does beside it.
          Runtime.getRuntime().availableProcessors(), records, Probe.wallMs(), Probe.cpuMs(), peakRssMb(),
          Probe.startUpMs(), ok);
      if (!ok) System.exit(1);
    }
    System.exit(0);
  }

  static Configuration settings(String work, String form, int run) {
    Configuration settings = new Configuration();
    settings.setString("taskmanager.numberOfTaskSlots", String.valueOf(PARALLELISM));
    settings.setString("pipeline.object-reuse", "true");
    settings.setString("taskmanager.memory.managed.size", "1g");
    settings.setString("rest.bind-port", "0");
    settings.setString("execution.checkpointing.interval", "1s");
    settings.setString("execution.checkpointing.mode", "EXACTLY_ONCE");
    settings.setString("execution.checkpointing.storage", "filesystem");
    settings.setString("execution.checkpointing.dir", Path.of(work, "checkpoints-" + run).toUri().toString());
    settings.setString("state.backend.type", form.equals("RocksDB") ? "rocksdb" : "hashmap");
    if (form.equals("RocksDB")) {
      settings.setString("execution.checkpointing.incremental", "true");
      settings.setString("state.backend.rocksdb.localdir", Path.of(work, "rocksdb").toString());
    }
    return settings;
  }

  static double processCpuMs() {
    var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    return system.getProcessCpuTime() / 1e6;
  }

  private static double peakRssMb() throws java.io.IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM")) return Long.parseLong(line.replaceAll("\\D", "")) / 1024.0;
    }
    return 0;
  }
}
