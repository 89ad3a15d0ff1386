"""One contract of 20 rules over the same Parquet and CSV, with seeded faults: weft beside datacontract-cli and Soda. Verdicts rule by
rule, then wall and CPU seconds (as a whole, and with the start taken off) and memory."""

import json
import os
import re
import shutil
import statistics
import sys

import kit

WORK = kit.FOLDER / "contract_checks"
# Neither peer may report to its maker.
QUIET = {"SODA_CORE_TELEMETRY_ENABLED": "false", "DATACONTRACT_CLI_TELEMETRY": "false", "NO_COLOR": "1", "COLUMNS": "200"}

# Of as many rows as each number says, one breaks its rule. Keys, dates and domains else hold.
DATA = """
    SELECT (CASE WHEN i < 7 THEN i + 1000 ELSE i END)::INTEGER AS id,
           CASE WHEN i BETWEEN 100 AND 110 THEN NULL ELSE (hash(i, 1) % 200000)::INTEGER END AS customer_id,
           CASE WHEN i BETWEEN 200 AND 212 THEN 'XX' ELSE ['CH', 'DE', 'AT', 'FR'][1 + (hash(i, 2) % 4)::INTEGER] END AS country,
           CASE WHEN i BETWEEN 300 AND 316 THEN 'customer at example' WHEN hash(i, 9) % 200 = 0 THEN NULL
                ELSE 'customer' || (hash(i, 3) % 200000) || '@example.com' END AS email,
           ((hash(i, 4) % 900000) / 100 + CASE WHEN i BETWEEN 400 AND 404 THEN 100000 ELSE 0 END)::DECIMAL(12,2) AS amount,
           CASE WHEN i BETWEEN 500 AND 522 THEN 0 ELSE 1 + (hash(i, 6) % 100)::INTEGER END AS quantity,
           ['open', 'paid', 'sent', 'done'][1 + (hash(i, 7) % 4)::INTEGER] AS status,
           DATE '2020-01-01' + (hash(i, 5) % 2000)::INTEGER AS ordered_on,
           DATE '2020-01-01' + ((hash(i, 5) % 2000)::INTEGER + CASE WHEN i BETWEEN 600 AND 628 THEN -1
                ELSE (hash(i, 8) % 30)::INTEGER END) AS shipped_on,
           CASE WHEN i BETWEEN 700 AND 718 THEN 'n/a' WHEN hash(i, 10) % 10 = 0 THEN NULL ELSE 'note ' || (hash(i, 11) % 1000) END AS note
    FROM range({rows}) t(i)"""

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
servers:
  - {{server: parquet, type: local, path: "{folder}/orders.parquet", format: parquet}}
  - {{server: csv, type: local, path: "{folder}/orders.csv", format: csv}}
schema:
  - name: orders
    physicalType: table
    quality:
      - {{id: rows, name: rows, type: library, metric: rowCount, mustBeGreaterOrEqualTo: {least}}}
      - {{id: pairs, name: pairs, type: library, metric: duplicateValues, arguments: {{properties: [id, ordered_on]}}, mustBe: 0}}
      - {{id: dear, name: dear, type: sql, query: "SELECT count(*) FROM {{object}} WHERE amount > 9999", mustBe: 0}}
      - {{id: early, name: early, type: sql, query: "SELECT count(*) FROM {{object}} WHERE shipped_on < ordered_on", mustBe: 0}}
    properties:
      - {{name: id, logicalType: integer, physicalType: INTEGER, required: true, unique: true}}
      - {{name: customer_id, logicalType: integer, physicalType: INTEGER, required: true}}
      - name: country
        logicalType: string
        physicalType: VARCHAR
        required: true
        logicalTypeOptions: {{maxLength: 2}}
        quality: [{{id: country, name: country, type: library, metric: invalidValues, arguments: {{validValues: [CH, DE, AT, FR]}}, mustBe: 0}}]
      - name: email
        logicalType: string
        physicalType: VARCHAR
        logicalTypeOptions: {{maxLength: 40}}
        quality:
          - {{id: email, name: email, type: library, metric: invalidValues, arguments: {{pattern: "^[a-z0-9]+@[a-z]+[.]com$"}}, mustBe: 0}}
          - {{id: email_nulls, name: email_nulls, type: library, metric: nullValues, mustBeLessThan: 1, unit: percent}}
      - {{name: amount, logicalType: number, physicalType: "DECIMAL(12,2)", logicalTypeOptions: {{minimum: 0}}}}
      - {{name: quantity, logicalType: integer, physicalType: INTEGER, logicalTypeOptions: {{minimum: 1, maximum: 100}}}}
      - name: status
        logicalType: string
        physicalType: VARCHAR
        logicalTypeOptions: {{pattern: "^[a-z]+$"}}
        quality: [{{id: status, name: status, type: library, metric: invalidValues, arguments: {{validValues: [open, paid, sent, done]}}, mustBe: 0}}]
      - {{name: ordered_on, logicalType: date, physicalType: DATE}}
      - {{name: shipped_on, logicalType: date, physicalType: DATE}}
      - name: note
        logicalType: string
        physicalType: VARCHAR
        quality:
          - {{id: note_nulls, name: note_nulls, type: library, metric: nullValues, mustBeLessThan: 5, unit: percent}}
          - {{id: note_missing, name: note_missing, type: library, metric: missingValues, arguments: {{missingValues: ["n/a"]}}, mustBe: 0}}
"""

SODA = """\
dataset: files/main/orders
checks:
  - row_count: {{name: rows, threshold: {{must_be_greater_than_or_equal: {least}}}}}
  - duplicate: {{name: pairs, columns: [id, ordered_on]}}
  - failed_rows: {{name: dear, qualifier: dear, expression: amount > 9999}}
  - failed_rows: {{name: early, qualifier: early, expression: shipped_on < ordered_on}}
columns:
  - name: id
    checks:
      - missing: {{name: id required}}
      - duplicate: {{name: id unique}}
  - name: customer_id
    checks: [missing: {{name: customer_id required}}]
  - name: country
    checks:
      - missing: {{name: country required}}
      - invalid: {{name: country, qualifier: values, valid_values: [CH, DE, AT, FR]}}
      - invalid: {{name: country maxLength, qualifier: length, valid_max_length: 2}}
  - name: email
    checks:
      - invalid: {{name: email, qualifier: pattern, valid_format: {{name: email, regex: "^[a-z0-9]+@[a-z]+[.]com$"}}}}
      - invalid: {{name: email maxLength, qualifier: length, valid_max_length: 40}}
      - missing: {{name: email_nulls, threshold: {{metric: percent, must_be_less_than: 1}}}}
  - name: amount
    checks: [invalid: {{name: amount minimum, valid_min: 0}}]
  - name: quantity
    checks:
      - invalid: {{name: quantity minimum, qualifier: low, valid_min: 1}}
      - invalid: {{name: quantity maximum, qualifier: high, valid_max: 100}}
  - name: status
    checks:
      - invalid: {{name: status, qualifier: values, valid_values: [open, paid, sent, done]}}
      - invalid: {{name: status pattern, qualifier: pattern, valid_format: {{name: word, regex: "^[a-z]+$"}}}}
  - name: note
    checks:
      - missing: {{name: note_nulls, qualifier: nulls, threshold: {{metric: percent, must_be_less_than: 5}}}}
      - missing: {{name: note_missing, qualifier: listed, missing_values: ["n/a"]}}
"""

# What the seeds make of each rule.
EXPECTED = {
    "id required": "pass", "id unique": "fail", "customer_id required": "fail", "country required": "pass", "rows": "pass", "pairs": "pass",
    "dear": "fail", "early": "fail", "country": "fail", "country maxLength": "pass", "email": "fail", "email maxLength": "pass",
    "email_nulls": "pass", "amount minimum": "pass", "quantity minimum": "fail", "quantity maximum": "pass", "status": "pass",
    "status pattern": "pass", "note_nulls": "fail", "note_missing": "fail",
}

# Where a peer finds another number of rows.
REASONS = {
    ("datacontract", "note_missing"): "datacontract adds the nulls to the listed values; by ODCS null is missing only when it is listed",
    ("soda", "note_missing"): "Soda has no count of listed values alone: nulls are always missing",
}


def data(rows):
    folder = WORK / f"rows-{rows}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with kit.duckdb.connect() as db:
            db.execute(f"SET threads = {kit.THREADS}")
            db.execute(f"CREATE VIEW made AS {DATA.format(rows=rows)}")
            db.execute(f"COPY made TO '{folder}/orders.parquet' (FORMAT parquet, COMPRESSION zstd)")
            db.execute(f"COPY made TO '{folder}/orders.csv' (HEADER)")
        (folder / "done").touch()
    (folder / "orders.odcs.yaml").write_text(CONTRACT.format(folder=folder, least=rows))
    (folder / "orders.soda.yaml").write_text(SODA.format(least=rows))
    return folder


# ---- the three sides: a command line, and what its output says of each rule

def weft_words(folder, kind):
    return [kit.WEFT, "contract", "test", folder / "orders.odcs.yaml", "--server", kind, "--format", "json"]


def weft_verdicts(out, _folder):
    found = {}
    for check in json.loads(out)["checks"]:
        rule = check["rule"]
        name = rule if rule in EXPECTED else rule.removeprefix("orders.").replace(".", " ")
        count = check["rows_failed"] if check["rows_failed"] is not None else check["found"]
        found[name] = check["verdict"], count
    return found


def datacontract_words(peer, folder, kind):
    return [peer / "bin/datacontract", "test", folder / "orders.odcs.yaml", "--server", kind, "--output", folder / "datacontract.json",
            "--output-format", "json"]


# Its words for what is checked, behind the name of the field or alone.
DATACONTRACT_NAMES = {
    "field_required": "{} required", "field_unique": "{} unique", "field_max_length": "{} maxLength", "field_minimum": "{} minimum",
    "field_maximum": "{} maximum", "field_regex": "{} pattern", "field_invalid_values": "{}", "field_null_values": "{}_nulls",
    "field_missing_values": "{}_missing", "row_count": "rows", "model_duplicate_values": "pairs",
}
DATACONTRACT_QUERIES = {"orders__quality_sql_2": "dear", "orders__quality_sql_3": "early"}


def datacontract_verdicts(_out, folder):
    found = {}
    for check in json.loads((folder / "datacontract.json").read_text())["checks"]:
        name = DATACONTRACT_QUERIES.get(check["key"]) or DATACONTRACT_NAMES.get(check["type"], "").format(check["field"])
        reason = check["reason"] or ""
        count = re.search(r"\((\d+) of \d+ rows\)", reason) or re.search(r"was (\d+)", reason)
        if name:
            found[name] = ({"passed": "pass", "failed": "fail"}.get(check["result"], check["result"]),
                           int(count[1]) if count else None)
    return found


def soda_words(peer, folder, kind):
    return [peer / "bin/python", kit.PEERS / "soda/verify.py", folder / "orders.soda.yaml", kind, folder / f"orders.{kind}"]


def soda_verdicts(out, _folder):
    words = {"passed": "pass", "failed": "fail"}
    return {name: (words.get(outcome, outcome), count) for name, (outcome, count) in json.loads(out.strip().splitlines()[-1]).items()}


# ---- measured

def environment():
    return os.environ | QUIET | {"WEFT_WORKER_THREADS": str(kit.THREADS)}


def number(count):
    return int(count) if str(count).isdigit() else None


def show_verdicts(kind, sides, found):
    """Verdicts, and how many rows a failing rule found; where a peer differs from what was seeded, why."""
    print(f"\n  verdicts over {kind}, with the rows that fail")
    print("    " + "rule".ljust(22) + "seeded".ljust(8) + "".join(side.ljust(18) for side in sides))
    for rule, seeded in EXPECTED.items():
        cells, reasons = [], []
        ours = number(found["weft"][rule][1])
        for side in sides:
            verdict, count = found[side].get(rule, ("not told", None))
            told = number(count) if verdict == "fail" else None
            cells.append((verdict + (f" {told:,}" if told is not None else "")).ljust(18))
            if verdict != seeded or (told is not None and told != ours):
                reasons.append(REASONS.get((side, rule), f"{side} DIFFERS, without a reason that is known"))
        print("    " + rule.ljust(22) + seeded.ljust(8) + "".join(cells) + ("; ".join(reasons) or "same"))


def show_times(kind, sides, taken):
    print(f"\n  {kind}: seconds, minimum of {kit.RUNS} (median); memory in MB")
    print("    " + "side".ljust(20) + "wall".rjust(16) + "cpu".rjust(9) + "start".rjust(9) + "scan alone".rjust(12) + "memory".rjust(9))
    for side in sides:
        wall, busy, start, used = taken[side]
        print(f"    {side:20}{min(wall):8.2f} ({statistics.median(wall):5.2f}){min(busy):9.2f}{min(start):9.2f}"
              f"{min(wall) - min(start):12.2f}{used:9.0f}")
    weft = taken["weft"]
    for side in sides[1:]:
        wall, busy, start, used = taken[side]
        print(f"    beside {side}: {min(wall) / min(weft[0]):.1f}x faster, cpu {min(busy) / min(weft[1]):.1f}x less, "
              f"weft with its start takes {min(weft[0]) / (min(wall) - min(start)):.2f}x of its scan alone, "
              f"{weft[3] / used:.2f}x of its memory")


def main():
    print(f"\ncontract_checks: {kit.ROWS:,} rows, {len(EXPECTED)} rules   (goal: the same verdicts or a reason; >= 3x faster, faster than the "
          "scan of the others alone, a third of the memory)")
    sides = {"weft": (weft_words, weft_verdicts)}
    for name, words, verdicts in (("datacontract", datacontract_words, datacontract_verdicts), ("soda", soda_words, soda_verdicts)):
        peer = kit.peer(name)
        if peer:
            sides[name] = (lambda folder, kind, peer=peer, words=words: words(peer, folder, kind), verdicts)
    full, empty = data(kit.ROWS), data(0)
    for kind in ("parquet", "csv"):
        taken, found = {side: ([], [], [], 0) for side in sides}, {}
        for _ in range(kit.RUNS):
            for side, (words, verdicts) in sides.items():
                wall, busy, out, err, _ = kit.run(words(full, kind), environment(), WORK)
                try:
                    found[side] = verdicts(out, full)
                except (ValueError, KeyError, OSError) as problem:
                    sys.exit(f"{side}: {problem!r}\n{out}\n{err}")
                if not found[side]:
                    sys.exit(f"{side} told no verdict\n{out}\n{err}")
                taken[side][0].append(wall)
                taken[side][1].append(busy)
                taken[side][2].append(kit.run(words(empty, kind), environment(), WORK)[0])
        for side, (words, _) in sides.items():
            taken[side] = (*taken[side][:3], kit.memory(words(full, kind), environment(), WORK))
        if kind == "parquet" and os.environ.get("BENCH_RAW"):
            print(json.dumps(found, indent=1))
        show_verdicts(kind, list(sides), found)
        show_times(kind, list(sides), taken)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
