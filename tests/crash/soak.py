"""Kills at random, under load: servers and workers die, commands begin the next server, and whatever is on the disk in between is
read by somebody who trusts nobody (home_reader.py) and held against what the generator knows (soak_rows.py)."""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path

from conftest import wait_for_end
from home_reader import left_over, read_home
from soak_mesh import mask, put, write_mesh
from soak_rows import BAD, Rows

# What a command may end with when a server or a worker is killed under it, or when another was quicker.
BROKEN = {69, 70, 75, 76}
# And what it may say then with a code that would mean more elsewhere: a server died while it began, a mask came while a query ran, a
# release was forgotten because it was old, no row was diverted.
SAID = {78: ["ended as soon as it began"], 77: ["access was withdrawn while"], 66: ["batches#", "no such rows"]}
SETTINGS = {"WEFT_UPKEEP_EVERY_S": "2", "WEFT_KEEP_RELEASES": "12", "WEFT_KEEP_DAYS": "0", "WEFT_FREE_SPACE_RESERVE_MB": "0",
            "WEFT_LOG_LEVEL": "info"}


class Soak:
    def __init__(self, mesh, seed, out=None):
        self.mesh, self.seed, self.out = mesh, seed, out
        self.rows, self.dice = Rows(seed), random.Random(seed)
        self.faults, self.counts = [], Counter()
        self.lock = threading.Lock()
        self.may_work, self.is_over = threading.Event(), False
        self.working = 0
        self.acknowledged = {}  # (product, release) -> batch
        self.seen = {}          # (product, release) -> content, once and for all
        self.cache = {}
        mesh.env.update(SETTINGS)

    def fault(self, text):
        with self.lock:
            self.faults.append(text)
        if self.out:
            print(f"FAILED {text}", file=self.out, flush=True)

    def count(self, what, n=1):
        with self.lock:
            self.counts[what] += n

    # ---- load

    def command(self, kind, *words):
        """A command of a user, and what came of it; None while nobody may work."""
        with self.lock:
            if not self.may_work.is_set():
                return None
            self.working += 1
        try:
            answer = self.mesh.weft(*words, ok=None)
        finally:
            with self.lock:
                self.working -= 1
        self.count(f"{kind}: done" if answer.code == 0 else f"{kind}: broken off")
        if answer.code not in BROKEN | {0} and not any(s in f"{answer.err} {words}" for s in SAID.get(answer.code, [])):
            self.fault(f"exit code {answer.code}: {answer}")
        return answer if answer.code == 0 else None

    def run(self, name, batch, *options):
        answer = self.command("runs", "run", f"soak.{name}", "--format", "json", *options)
        if answer is None:
            return None
        product = answer.json["products"][0]
        with self.lock:
            self.acknowledged[product["product"], product["release"]] = batch
        self.count("publishes acknowledged")
        return product["release"]

    def work_plain(self, dice, turn):
        put(self.mesh, "batches", self.rows.plain(turn))
        number = self.run("batches", turn)
        if dice.random() < 0.5:
            self.run("totals", None)
        if number and dice.random() < 0.25:
            to = max(1, number - dice.randrange(1, 4))
            self.command("rollbacks", "rollback", "soak.batches", "--to", to)

    def work_ledger(self, dice, turn):
        turn += 1  # the first is there
        first = max((b for (p, _), b in list(self.acknowledged.items()) if p == "soak.ledger"), default=1) + 1
        put(self.mesh, "ledger", self.rows.changes_since(first, turn))
        self.run("ledger", turn)

    def work_checked(self, dice, turn):
        good, bad = self.rows.checked(turn)
        put(self.mesh, "checked", sorted(good + bad))
        self.run("checked", turn)
        if dice.random() < 0.2:
            self.command("quarantine drops", "quarantine", "drop", "soak.checked", "--reason", "soak", "--as", "ana")

    def work_query(self, dice, turn):
        name = "batches"
        known = [number for product, number in list(self.acknowledged) if product == "soak.batches"]
        if known and dice.random() < 0.4:
            name = f'"batches#{dice.choice(known[-8:])}"'
        answer = self.command("queries", "query", f"SELECT id, batch, mark, amount FROM soak.{name}.batches ORDER BY id", "--as", "noor",
                              "--format", "csv")
        if answer is None:
            return
        found = sorted(tuple(line.split(",")) for line in answer.out.splitlines()[1:])
        batch = self.rows.batch_of("soak.batches", found)
        if found != sorted((r[0], r[1], r[2], r[4]) for r in self.rows.plain(batch)):
            self.fault(f"a query of {name} gave {len(found)} rows that are no batch")

    def work_apply(self, dice, turn):
        mask(self.mesh, turn)
        self.command("applies", "apply", "--yes")
        self.pause(dice.random() * 2)

    def pause(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.is_over:
            time.sleep(0.05)

    def worker(self, work, name):
        dice, turn = random.Random(f"{self.seed}:{name}"), 0
        while not self.is_over:
            if self.may_work.wait(0.1):
                turn += 1
                try:
                    work(dice, turn)
                except Exception as failure:  # the others go on, and it is told
                    self.fault(f"{name}: {type(failure).__name__}: {failure}")

    # ---- kills

    def processes(self):
        """(pid, is it a worker) of all that serve this home."""
        found, home = [], bytes(self.mesh.home)
        for process in Path("/proc").iterdir():
            try:
                words = (process / "cmdline").read_bytes().split(b"\0") if process.name.isdigit() else []
            except OSError:
                continue
            if any(home in word for word in words):
                if any(word.startswith(b"--kind=") for word in words):
                    found.append((int(process.name), True))
                elif b"serve" in words:
                    found.append((int(process.name), False))
        return found

    def kill(self, pid):
        try:
            os.kill(pid, signal.SIGKILL)
            return True
        except ProcessLookupError:
            return False

    def kill_worker(self):
        workers = [pid for pid, is_worker in self.processes() if is_worker]
        if workers and self.kill(self.dice.choice(workers)):
            self.count("workers killed")

    def kill_server(self):
        """The server dies with all commands under way; none begins until `go on`."""
        with self.lock:
            self.may_work.clear()
        killed = 0
        while True:
            servers = [pid for pid, is_worker in self.processes() if not is_worker]
            killed += sum(self.kill(pid) for pid in servers)
            if not self.processes() and self.working == 0:
                break
            time.sleep(0.01)
        self.count("servers killed", killed)
        wait_for_end(self.mesh.home)

    # ---- what must hold

    def check(self, is_at_rest=False):
        home = read_home(self.mesh.home, cache=self.cache)
        self.count("checks of all releases")
        for fault in home.faults:
            self.fault(fault)
        for product, state in home.products.items():
            for number, tables in state["releases"].items():
                self.check_release(product, number, tables)
            for rows in state["quarantine"]:
                self.check_diverted(product, rows)
        self.check_acknowledged(home)
        if is_at_rest:
            left = left_over(self.mesh.home, home)
            if left:
                self.fault(f"left over: {', '.join(left[:8])}")

    def check_release(self, product, number, tables):
        self.count("releases read")
        rows = tables[product.split(".")[1]]
        if self.seen.setdefault((product, number), rows) != rows:
            self.fault(f"{product}#{number} is another than it was")
        batch = self.rows.batch_of(product, rows)
        if rows != self.rows.expected(product, batch):
            self.fault(f"{product}#{number} has {len(rows)} rows, which are not batch {batch}")
        told = self.acknowledged.get((product, number))
        if told is not None and told != batch:
            self.fault(f"{product}#{number} is batch {batch}, and was acknowledged as {told}")

    def check_diverted(self, product, rows):
        column = 1
        batches = {int(row[column]) for row in rows}
        expected = sorted(row for batch in batches for row in self.rows.checked(batch)[1])
        if product != "soak.checked" or rows != expected or any(row[3] != BAD for row in rows):
            self.fault(f"quarantined rows of {product} are not the bad ones of {sorted(batches)}")

    def check_acknowledged(self, home):
        """What was said to be published is there, or was forgotten because it is old."""
        for (product, number), _ in self.acknowledged.items():
            state = home.products.get(product)
            last = max(state["releases"], default=0) if state else 0
            if state is None or (number not in state["releases"] and number > last):
                self.fault(f"{product}#{number} was acknowledged and is not there")
            elif number not in state["releases"] and sum(n > number for n in state["releases"]) < 12:
                self.fault(f"{product}#{number} was acknowledged and is gone, though newer ones are few")

    # ---- all of it

    def prepare(self):
        write_mesh(self.mesh)
        for name, rows in (("batches", self.rows.plain(0)), ("ledger", self.rows.ledger(1)), ("checked", sum(self.rows.checked(0), []))):
            put(self.mesh, name, rows)
        self.mesh.weft("apply", "--yes")
        self.mesh.weft("run", "--all")

    def go(self, seconds):
        self.prepare()
        loads = (self.work_plain, self.work_ledger, self.work_checked, self.work_query, self.work_apply)
        threads = [threading.Thread(target=self.worker, args=(work, work.__name__)) for work in loads]
        for thread in threads:
            thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.may_work.set()
            for _ in range(self.dice.randrange(3)):
                self.pause(self.dice.uniform(0.1, 1.0))
                self.kill_worker()
            self.pause(self.dice.uniform(0.1, 2.5))
            self.kill_server()
            self.check()
        self.is_over = True
        for thread in threads:
            thread.join()
        self.end()
        return self

    def end(self):
        """One more start, and all is as if nothing had been."""
        self.may_work.set()
        verdict = json.loads(self.mesh.weft("verify", "--format", "json").out)
        if verdict["damaged"] or verdict["catalog"] != "ok" or not verdict["audit"]["whole"]:
            self.fault(f"weft verify: {verdict}")
        wait_for_end(self.mesh.home)
        self.check(is_at_rest=True)
        if not self.counts["publishes acknowledged"] or not self.counts["servers killed"]:
            self.fault("nothing was published, or nothing killed")

    def table(self):
        self.counts["releases seen"] = len(self.seen)
        width = max(map(len, self.counts))
        return [f"{what.ljust(width)}  {n:>8,}" for what, n in sorted(self.counts.items())]
