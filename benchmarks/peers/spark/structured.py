"""Spark Structured Streaming on a workload's files, some times one after another in one JVM: the first run is cold, the
others warm. Ten batches, checkpoint on, each batch's changed rows written to Parquet.

structured.py WORKLOAD STORE DATA WORK RUNS    STORE: memory (Spark's own, HDFS-backed) or rocksdb
Prints one result line a run.
"""
import json
import math
import os
import shutil
import sys
import time
from datetime import datetime, timezone

from pyspark.sql import SparkSession, functions as F

workload, store, data, work, runs = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
about = json.load(open(f"{data}/about.json"))
source = f"{data}/input"
files_per_batch = math.ceil(len(os.listdir(source)) / 10)
checkpoint, output = f"{work}/checkpoint", f"{work}/output"

PROVIDERS = {
    "memory": "org.apache.spark.sql.execution.streaming.state.HDFSBackedStateStoreProvider",
    "rocksdb": "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider",
}
spark = (
    SparkSession.builder.appName(workload)
    .config("spark.ui.enabled", "false")
    .config("spark.sql.streaming.ui.enabled", "false")
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.sql.streaming.numRecentProgressUpdates", "10000")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.streaming.stateStore.providerClass", PROVIDERS[store])
    .config("spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled", "true")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
# A little after spark-submit was called, which is to Spark's advantage.
jvm_start = spark._jvm.java.lang.management.ManagementFactory.getRuntimeMXBean().getStartTime()
jvm = spark._jvm.java.lang.ProcessHandle.current().pid()


def cpu_ms():
    """User and system time of the JVM and of this process."""
    total = 0
    for pid in (jvm, os.getpid()):
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total * 1000 / os.sysconf("SC_CLK_TCK")


def rss_mb():
    total = 0
    for pid in (jvm, os.getpid()):
        peak = next(line for line in open(f"/proc/{pid}/status") if line.startswith("VmHWM"))
        total += int(peak.split()[1]) / 1024
    return total


def lines():
    return spark.readStream.format("text").option("maxFilesPerTrigger", files_per_batch).load(source)


def ysb():
    ads = spark.read.option("header", "true").schema("ad_id string, campaign_id string").csv(f"{data}/ads.csv")
    events = (
        spark.readStream.schema("ad_id string, event_type string, event_time string")
        .option("maxFilesPerTrigger", files_per_batch)
        .json(source)
    )
    window = F.floor(F.col("event_time").cast("long") / 10000) * 10000
    views = events.filter("event_type = 'view'").join(F.broadcast(ads), "ad_id")
    return views.groupBy(F.concat_ws(",", "campaign_id", window.cast("string")).alias("key")).count()


def wordcount():
    return lines().select(F.explode(F.split("value", " ")).alias("key")).groupBy("key").count()


def grep():
    return lines().filter(F.col("value").contains("zq"))


def clicks():
    events = (
        spark.readStream.schema("user string, action string, ts long")
        .option("header", "true")
        .option("maxFilesPerTrigger", files_per_batch)
        .csv(source)
    )
    count_of = lambda action: F.count_if(F.expr(f"action = '{action}'")).alias(f"{action}s")
    return events.groupBy("user").agg(count_of("click"), count_of("view"))


def last_rows(key):
    """Of each key what its last batch wrote."""
    rows = spark.read.parquet(output).withColumn("batch", F.col("batch").cast("long"))
    others = [name for name in rows.columns if name not in (key, "batch")]
    return rows.groupBy(key).agg(*[F.max_by(name, "batch").alias(name) for name in others])


def is_right():
    if workload == "grep":
        return spark.read.parquet(output).count() == about["matches"]
    if workload == "clicks":
        got = last_rows("user").agg(F.count("*"), F.sum("clicks"), F.sum("views")).collect()[0]
        return tuple(got) == (about["users"], about["clicks"], about["views"])
    expected = (line.rstrip("\n").rpartition(",") for line in open(f"{data}/expected.csv"))
    got = {row["key"]: row["count"] for row in last_rows("key").collect()}
    return got == {key: int(count) for key, _, count in expected}


first_result = []


def write(batch, number):
    batch.write.mode("overwrite").parquet(f"{output}/batch={number}")
    if not first_result:
        first_result.append(time.time() * 1000)


def milliseconds(progress):
    begun = datetime.strptime(progress["timestamp"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return begun.timestamp() * 1000


for run in range(runs):
    for folder in (checkpoint, output):
        shutil.rmtree(folder, ignore_errors=True)
    stream = {"ysb": ysb, "wordcount": wordcount, "grep": grep, "clicks": clicks}[workload]()
    writer = stream.writeStream.outputMode("append" if workload == "grep" else "update").foreachBatch(write)
    cpu_before = cpu_ms()
    query = writer.option("checkpointLocation", checkpoint).trigger(availableNow=True).start()
    query.awaitTermination()
    cpu = cpu_ms() - cpu_before
    batches = [json.loads(progress.json()) for progress in query._jsq.recentProgress()]
    batches = [batch for batch in batches if batch["numInputRows"] > 0]
    last = batches[-1]
    wall = milliseconds(last) + last["durationMs"]["triggerExecution"] - milliseconds(batches[0])
    records = about["lines"] if workload == "grep" else about["records"]
    names = {"memory": "Structured Streaming", "rocksdb": "Structured Streaming, RocksDB"}
    result = dict(
        system="spark", version=spark.version, form=names[store], start="warm" if run else "cold",
        threads=os.cpu_count(), records=records, wallMs=wall, cpuMs=cpu, rssMb=rss_mb(),
        startUpMs=first_result[0] - jvm_start, ok=is_right(),
    )
    print(json.dumps(result), flush=True)
spark.stop()
