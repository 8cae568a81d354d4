"""DuckDB on a workload's files: a batch engine, so no running counts, no state and no checkpoint; an upper bar.

run.py WORKLOAD THREADS DATA    prints one result line
"""
import json
import resource
import sys
import time

import duckdb

workload, threads, data = sys.argv[1], int(sys.argv[2]), sys.argv[3]
about = json.load(open(f"{data}/about.json"))
db = duckdb.connect()
# The columns' types are given: finding them out reads the input twice.
db.execute(f"SET threads = {threads}")
db.execute("SET preserve_insertion_order = false")
db.execute("SET enable_progress_bar = false")

LINES = f"""read_csv('{data}/input/*.txt', header = false, delim = chr(1), quote = '', escape = '',
                     columns = {{line: 'VARCHAR'}}, auto_detect = false)"""


def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def ysb():
    rows = db.execute(f"""
        SELECT campaign_id, event_time // 10000 * 10000, count(*)
        FROM read_json('{data}/input/*.json', format = 'newline_delimited',
                       columns = {{ad_id: 'VARCHAR', event_type: 'VARCHAR', event_time: 'BIGINT'}})
        JOIN read_csv('{data}/ads.csv', header = true, auto_detect = false,
                      columns = {{ad_id: 'VARCHAR', campaign_id: 'VARCHAR'}}) USING (ad_id)
        WHERE event_type = 'view' GROUP BY 1, 2""").fetchall()
    got = sorted(f"{campaign},{window},{views}\n" for campaign, window, views in rows)
    return about["records"], lambda: "".join(got) == open(f"{data}/expected.csv").read()


def wordcount():
    rows = db.execute(f"""
        SELECT word, count(*) FROM (SELECT unnest(string_split(line, ' ')) AS word FROM {LINES}) GROUP BY 1""").fetchall()
    expected = lambda: {word: int(n) for word, n in (line.rstrip("\n").split(",") for line in open(f"{data}/expected.csv"))}
    return about["records"], lambda: dict(rows) == expected()


def grep():
    matches = db.execute(f"SELECT count(*) FROM {LINES} WHERE contains(line, 'zq')").fetchone()[0]
    return about["lines"], lambda: matches == about["matches"]


def clicks():
    totals = db.execute(f"""
        SELECT count(*), sum(clicks), sum(views) FROM (
          SELECT user, count(*) FILTER (action = 'click') AS clicks, count(*) FILTER (action = 'view') AS views
          FROM read_csv('{data}/input/*.csv', header = true, auto_detect = false,
                        columns = {{user: 'VARCHAR', action: 'VARCHAR', ts: 'BIGINT'}})
          GROUP BY 1)""").fetchone()
    return about["records"], lambda: totals == (about["users"], about["clicks"], about["views"])


began, used_before = time.perf_counter(), used()
records, is_right = {"ysb": ysb, "wordcount": wordcount, "grep": grep, "clicks": clicks}[workload]()
wall, cpu = time.perf_counter() - began, used() - used_before
rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(dict(
    system="duckdb", version=duckdb.__version__, form="SQL over the files", start="cold", threads=threads, records=records,
    wallMs=wall * 1000, cpuMs=cpu * 1000, rssMb=rss, ok=is_right())))
