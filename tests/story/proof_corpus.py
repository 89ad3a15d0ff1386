"""The corpus of questions in noninterference/*.txt; its README says how it is written."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "noninterference"
EXPECTED = ("answered", "refused", "fails")


@dataclass
class Query:
    kind: str  # class
    name: str
    text: str
    expected: str

    def of(self, table):
        return self.text.replace("{T}", f"sales.orders.{table}").replace("{P}", f'sales."orders#1".{table}')


def _split(line):
    name, _, expected = line.partition(" | ")
    expected = expected.strip() or "answered"
    assert expected in EXPECTED, line
    return name.strip(), expected


def _paragraphs(path):
    for text in path.read_text().split("\n\n"):
        lines = [line for line in text.strip("\n").split("\n") if line and not line.startswith("#")]
        if lines:
            yield lines


def read_corpus():
    queries = []
    for path in sorted(FOLDER.glob("*.txt")):
        contexts = {}
        for head, *lines in _paragraphs(path):
            if head.startswith("contexts "):
                contexts[head.split()[1]] = lines
            elif ": " in head:
                title, expected = _split(head)
                kind, name = title.split(": ", 1)
                queries.append(Query(kind, name, "\n".join(lines), expected))
            else:
                kind, _, where = head.partition(" in ")
                for line in lines:
                    expression, expected = _split(line)
                    queries += [Query(kind, f"{expression} in {where} {i + 1}", template.replace("{e}", expression), expected)
                                for i, template in enumerate(contexts[where])]
    names = [(q.kind, q.name) for q in queries]
    assert len(set(names)) == len(names), [n for n in names if names.count(n) > 1]
    return queries
