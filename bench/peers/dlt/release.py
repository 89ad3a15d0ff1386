"""A table of PostgreSQL to Parquet files by dlt: `release.py URI TABLE FOLDER BACKEND` prints the number of rows."""

import os
import sys

FOLDER = sys.argv[3]
os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR", "DLT_DATA_DIR": f"{FOLDER}/dlt", "HOME": FOLDER,
               "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "false", "DATA_WRITER__COMPRESSION": "zstd"}

import dlt  # noqa: E402
from dlt.sources.sql_database import sql_table  # noqa: E402


def main():
    uri, table, folder, backend = sys.argv[1:]
    uri = uri.replace("postgresql:", "postgresql+psycopg2:", 1)
    more = {"chunk_size": 100_000} if backend == "pyarrow" else {}
    pipeline = dlt.pipeline("release", pipelines_dir=f"{folder}/pipelines", dataset_name="release",
                            destination=dlt.destinations.filesystem(bucket_url=f"file://{folder}/files"))
    pipeline.run(sql_table(credentials=uri, table=table, schema="public", backend=backend, reflection_level="full_with_precision", **more),
                 loader_file_format="parquet", write_disposition="replace")
    print(pipeline.last_trace.last_normalize_info.row_counts.get(table, 0))


if __name__ == "__main__":
    main()
