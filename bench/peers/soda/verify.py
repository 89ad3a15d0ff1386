"""Soda over a file: `verify.py CONTRACT FORMAT FILE` prints verdict and number of each check, by its name, as JSON."""

import json
import logging
import sys

import duckdb
from soda_core.contracts.api import verify_contract_locally
from soda_duckdb.common.data_sources.duckdb_data_source import DuckDBDataSourceImpl

TYPES = """{'id': 'INTEGER', 'customer_id': 'INTEGER', 'country': 'VARCHAR', 'email': 'VARCHAR', 'amount': 'DECIMAL(12,2)',
    'quantity': 'INTEGER', 'status': 'VARCHAR', 'ordered_on': 'DATE', 'shipped_on': 'DATE', 'note': 'VARCHAR'}"""

COUNTS = ("invalid_count", "duplicate_count", "missing_count", "failed_rows_count", "row_count")


def main():
    contract, kind, file = sys.argv[1:]
    reader = f"read_parquet('{file}')" if kind == "parquet" else f"read_csv('{file}', header = true, columns = {TYPES})"
    db = duckdb.connect()
    db.execute(f"CREATE VIEW orders AS SELECT * FROM {reader}")
    logging.disable(logging.CRITICAL)
    source = DuckDBDataSourceImpl.from_existing_cursor(db, name="files")
    session = verify_contract_locally(data_sources=[source], contract_file_path=contract)
    logging.disable(logging.NOTSET)
    found = {}
    for result in session.contract_verification_results:
        for check in result.check_results:
            counts = check.diagnostic_metric_values or {}
            count = next((counts[key] for key in COUNTS if counts.get(key) is not None), None)
            found[check.check.name] = [str(check.outcome).rsplit(".", 1)[-1].lower(), count]
    if not found:
        print(session.get_errors_str(), file=sys.stderr)
    print(json.dumps(found, default=str))


if __name__ == "__main__":
    main()
