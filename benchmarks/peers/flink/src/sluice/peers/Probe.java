package sluice.peers;

import java.lang.management.ManagementFactory;

/** When the first record was read and the last one was at the sink: everything is in one process. */
final class Probe {
  private static volatile boolean begun, told;
  private static volatile long firstResultMs;
  private static volatile long firstNs, lastNs;
  private static volatile double firstCpuMs, lastCpuMs;

  private Probe() {}

  static void reset() {
    begun = false;
  }

  /** For each record read; costs one look at a field. */
  static void read() {
    if (!begun) begin();
  }

  private static synchronized void begin() {
    if (begun) return;
    firstNs = System.nanoTime();
    firstCpuMs = FlinkPeer.processCpuMs();
    begun = true;
  }

  /** For each result at a sink. */
  static void result() {
    if (told) return;
    firstResultMs = System.currentTimeMillis();
    told = true;
  }

  /** From the start of this process to the first result that it ever had. */
  static long startUpMs() {
    return firstResultMs - ManagementFactory.getRuntimeMXBean().getStartTime();
  }

  /** When a sink has had everything. */
  static synchronized void end() {
    lastNs = System.nanoTime();
    lastCpuMs = FlinkPeer.processCpuMs();
  }

  static double wallMs() {
    return (lastNs - firstNs) / 1e6;
  }

  static double cpuMs() {
    return lastCpuMs - firstCpuMs;
  }
}
