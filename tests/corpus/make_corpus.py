#!/usr/bin/env python3
"""Writes the corpus of damaged, hostile and odd inputs, with a list of what has to come of each.

usage: make_corpus.py FOLDER"""

import json
import sys
from pathlib import Path

from cases import CASES


def outcome(case):
    if case.refused is not None:
        return {"refused": case.refused}
    return {"rows": case.rows} if case.rows is not None else {"checks": case.checks}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        for name, data in case.files.items():
            (folder / name).write_bytes(data)
    expected = {case.name: {"path": case.path, "format": case.kind, **outcome(case)} for case in CASES}
    (folder / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=True))
    print(f"{len(CASES)} inputs in {folder}")


if __name__ == "__main__":
    main()
