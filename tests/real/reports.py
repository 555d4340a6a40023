"""Reads the reports of a run with what Python has for each form, and prints what it found as one line of JSON.

    python reports.py FOLDER SUMMARY_SCHEMA JUNIT_SCHEMA
"""

import csv
import json
import sys
from pathlib import Path

import jsonschema
import xmlschema
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader


def read_csv(path):
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    # A row that is too long or too short has a column without a name or a value that is None.
    assert all(None not in row and None not in row.values() for row in rows), "a row of another length"
    every = [row for row in rows if row["group"] == "all"]
    return {
        "seconds": sum(float(row["length_s"]) for row in every),
        "sent": sum(int(row["messages_sent"]) for row in every),
        "responses": sum(int(row["response_count"]) for row in every),
        "slowest": max(float(row["response_max_ms"]) for row in every if row["response_max_ms"]),
    }


def read_log(path):
    whole = HdrHistogram(1, 3_600_000_000_000, 3)
    reader = HistogramLogReader(str(path), whole)
    intervals = 0
    while (interval := reader.get_next_interval_histogram()) is not None:
        # The tag tells which trend it is.
        if interval.get_tag() == "response":
            whole.add(interval)
            intervals += 1
    return {
        "intervals": intervals,
        "responses": whole.get_total_count(),
        "p50_ms": whole.get_value_at_percentile(50) / 1e6,
        "p99_ms": whole.get_value_at_percentile(99) / 1e6,
    }


def main():
    folder, summary_schema, junit_schema = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    summary = json.loads((folder / "run.json").read_text())
    schema = json.loads(summary_schema.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(summary)
    xmlschema.XMLSchema(junit_schema).validate(str(folder / "run.junit.xml"))
    found = {"csv": read_csv(folder / "run.csv"), "hlog": read_log(folder / "run.hlog")}
    print(json.dumps(found))


main()
