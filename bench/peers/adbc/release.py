"""A table of PostgreSQL to a Parquet file by ADBC and pyarrow: `release.py URI TABLE FOLDER` prints the number of rows."""

import sys

import pyarrow.parquet as parquet
from adbc_driver_postgresql import dbapi


def main():
    uri, table, folder = sys.argv[1:]
    rows = 0
    with dbapi.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        reader = cursor.fetch_record_batch()
        with parquet.ParquetWriter(f"{folder}/{table}.parquet", reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)
                rows += batch.num_rows
    print(rows)


if __name__ == "__main__":
    main()
