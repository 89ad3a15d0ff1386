"""Writes sql/*.trees, lineage/*.trees and since/*.trees: the engine's own tree of each statement in the *.txt beside them. Run it when a statement or
the engine changes.

The python package of the engine must have the version that weft is built with."""
import json
import pathlib

import duckdb

folders = [pathlib.Path(__file__).parent / name for name in ("sql", "lineage", "since")]
connection = duckdb.connect()


def cases(text):
    title, section, lines = None, None, []
    for line in text.splitlines() + ["== "]:
        if line.startswith("== ") or line.startswith("-- "):
            if section == "sql":
                yield title, "\n".join(lines)
            section, lines = None, []
            if line.startswith("== "):
                title = line[3:]
            else:
                section = line[3:]
        else:
            lines.append(line)


for path in sorted(path for folder in folders for path in folder.glob("*.txt")):
    with open(path.with_suffix(".trees"), "w", encoding="utf-8") as out:
        for title, sql in cases(path.read_text(encoding="utf-8")):
            tree = connection.execute("SELECT json_serialize_sql($1)", [sql.rstrip("\n")]).fetchone()[0]
            out.write(f"== {title}\n{json.dumps(json.loads(tree), ensure_ascii=False, separators=(',', ':'))}\n")
