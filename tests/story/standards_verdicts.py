"""Examples of ODCS and ODPS, what their JSON Schemas say of them, and what `weft check` says."""

import csv
import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/standards.md"
MAIN = "v3.1.0"


def find_specs():
    """The folder of the examples, as tools/test finds it; None where there is none."""
    folder = Path(os.environ.get("WEFT_SPECS") or ROOT.parent / "shared" / "specs")
    return folder if (folder / "odcs/expected.tsv").is_file() else None


@dataclass
class Example:
    file: str
    version: str  # that it names; `-` for none
    own: bool  # valid by the schema of its version
    main: bool  # valid by the schema of v3.1.0
    accepted: bool = False
    findings: list = field(default_factory=list)

    @property
    def expected(self):
        """By the version policy: one of both is enough."""
        return self.own or self.main

    def judged(self, version):
        """Did weft find no error by this version, where it accepts the file by another one?"""
        return not any(f["message"].startswith(f"{version} does not allow this") for f in self.findings)


def check(weft, files, cwd):
    """Findings by file: one call for all of them."""
    done = subprocess.run([weft, "check", "--format", "json", *files], cwd=cwd, capture_output=True, text=True)
    assert done.returncode in (0, 65), done.stderr
    found = {file: [] for file in files}
    for finding in json.loads(done.stdout):
        found[finding["file"]].append(finding)
    return found


def judge_all(weft, specs):
    folder = specs / "odcs/examples"
    with open(specs / "odcs/expected.tsv", encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    examples = [Example(row["file"], row["apiVersion"], row["result_own_schema"] == "valid", row[f"result_{MAIN}"] == "valid")
                for row in rows]
    found = check(weft, [example.file for example in examples], folder)
    for example in examples:
        example.findings = found[example.file]
        example.accepted = not any(f["level"] == "error" for f in example.findings)
    return examples


def reasons():
    """Files that docs/standards.md names as judged otherwise, with the reason."""
    text = PAGE.read_text(encoding="utf-8")
    section = text.split("## Where the verdict differs", 1)[1].split("\n## ", 1)[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (?:accepts|refuses) \| (.+?) \|$", section, re.M))
