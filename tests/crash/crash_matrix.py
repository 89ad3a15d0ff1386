"""The crash matrix: each operation, at each call by which it changes a file, with all that can happen there."""

import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from crash_case import Case, Template
from crash_operations import TABLE
from injector import call_of, faults_of, points


def thin(counts, log):
    """Of pages of a database's log the first, the middle and the last of each transaction: what lies between is like them."""
    chosen = {point: set(range(1, n + 1)) for point, n in counts.items()}
    for point in [p for p in counts if p.startswith("server pwrite") and p.endswith("-wal")]:
        sync = point.replace(" pwrite ", " fdatasync ")
        runs, nth = [[]], 0
        for name in log:
            if name == point:
                nth += 1
                runs[-1].append(nth)
            elif name == sync:
                runs.append([])
        chosen[point] = {run[i] for run in runs if run for i in (0, len(run) // 2, len(run) - 1)}
    return chosen


def cases_of(log, each):
    """(point, nth, fault), in the order in which the calls came first."""
    counts = points(log)
    chosen = {p: set(range(1, n + 1)) for p, n in counts.items()} if each else thin(counts, log)
    return [(point, nth, fault) for point in counts for nth in sorted(chosen[point]) for fault in faults_of(call_of(point))]


def sample(cases, most):
    """Evenly over all of them, the same each time."""
    if len(cases) <= most:
        return cases
    return [cases[i * len(cases) // most] for i in range(most)]


class Matrix:
    def __init__(self, names, each=False, most=0, jobs=2, word="", folder=None, out=None, kept=None):
        self.names, self.each, self.most, self.jobs, self.word, self.out = names, each, most, jobs, word, out
        self.kept = kept  # where results are kept as they come
        self.folder = Path(folder or tempfile.mkdtemp(prefix="weft-matrix-"))
        self.results = []

    def tell(self, text):
        if self.out:
            print(text, file=self.out, flush=True)

    def learn(self, name):
        folder = self.folder / name
        folder.mkdir()
        template = Template(TABLE[name], folder)
        case = Case(template).run()
        assert not case.faults and template.log, (name, case.faults)
        return template

    def run(self):
        try:
            self.run_in_folder()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        return self

    def run_in_folder(self):
        templates = {}
        todo = []
        for name in self.names:
            templates[name] = self.learn(name)
            cases = cases_of(templates[name].log, self.each)
            cases = [case for case in cases if self.word in "/".join(map(str, (name, *case)))]
            total = len(cases)
            cases = sample(cases, self.most) if self.most else cases
            self.tell(f"{name}: {len(templates[name].log)} calls that write, {total} cases" + (f", {len(cases)} of them now" if len(cases) < total else ""))
            todo += [(name, *case) for case in cases]
        if self.kept:
            self.results = [result for result in self.kept.open() if result["operation"] in self.names]
            done = {result["name"] for result in self.results}
            todo = [case for case in todo if "{}/{}/{}/{}".format(*case) not in done]
            if done:
                self.tell(f"{len(done)} were done before, {len(todo)} are left")
        run_cases(templates, todo, self.jobs, self.take)

    def take(self, result):
        self.results.append(result)
        if self.kept:
            self.kept.add(result)
        if len(self.results) % 250 == 0:
            self.tell(f"... {len(self.results)} cases")
        if result["faults"]:
            self.tell(f"FAILED {result['name']}\n    " + "\n    ".join(result["faults"]).replace("\n", "\n    ")
                      + f"\n    again: tools/crash --case '{result['name']}'")

    @property
    def failed(self):
        return [r for r in self.results if r["faults"]]


class Kept:
    """Results on disk, of one build of the programs: an interrupted run goes on behind them, save those that failed."""

    def __init__(self, path, programs, goes_on):
        self.path, self.goes_on = Path(path), goes_on
        self.build = [hashlib.sha256(Path(p).read_bytes()).hexdigest() for p in programs]

    def open(self):
        results = []
        if self.goes_on and self.path.exists():
            # The last line may have been cut short.
            build, *lines = self.path.read_text().split("\n")[:-1] or ["[]"]
            if json.loads(build) == self.build:
                results = [r for r in map(json.loads, lines) if not r["faults"]]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("".join(json.dumps(line) + "\n" for line in [self.build, *results]))
        return results

    def add(self, result):
        with self.path.open("a") as file:
            file.write(json.dumps(result) + "\n")


held = {}


def run_one(todo):
    name, point, nth, fault = todo
    case = Case(held[name], point, nth, fault).run()
    return {"name": case.name, "operation": name, "fault": fault, "point": point, "outcome": case.outcome, "is_after": case.is_after,
            "faults": case.faults}


def run_cases(templates, todo, jobs, take):
    held.clear()
    held.update(templates)
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        for result in pool.imap_unordered(run_one, todo, chunksize=1):
            take(result)


COLUMNS = ["operation", "fault", "cases", "done", "refused", "killed", "not reached", "before", "after", "failed"]


def table(results):
    """Lines of text: a row for each operation and fault, and the sum."""
    rows = []
    for (operation, fault), group in groups(results, "operation", "fault"):
        rows.append([operation, fault, *numbers(group)])
    rows.append(["all", "", *numbers(results)])
    lines = [COLUMNS] + [[str(v) for v in row] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    return ["  ".join(v.ljust(w) if i < 2 else v.rjust(w) for i, (v, w) in enumerate(zip(line, widths))).rstrip() for line in lines]


def groups(results, *keys):
    order = {}
    for result in results:
        order.setdefault(tuple(result[k] for k in keys), []).append(result)
    names = list(TABLE)
    return sorted(order.items(), key=lambda item: (names.index(item[0][0]), item[0][1:]))


def numbers(group):
    outcomes = Counter(r["outcome"] for r in group)
    return [len(group), outcomes["done"], outcomes["refused"], outcomes["killed"], outcomes["not reached"],
            sum(r["is_after"] is False for r in group), sum(r["is_after"] is True for r in group), sum(bool(r["faults"]) for r in group)]
