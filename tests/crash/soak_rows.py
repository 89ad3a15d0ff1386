"""Rows that can be told: whoever finds some of them knows which batch they are of, and whether any is missing, doubled or changed."""

import hashlib
import random

BAD = "XX"


def chance(seed, *what):
    return random.Random(":".join(map(str, (seed, *what))))


def mark(seed, *what):
    return hashlib.sha256(":".join(map(str, (seed, *what))).encode()).hexdigest()[:12]


def moment(batch):
    return f"2026-01-{1 + batch // 86400:02} {batch // 3600 % 24:02}:{batch // 60 % 60:02}:{batch % 60:02}"


class Rows:
    """Every row of a soak, from its seed. Values are texts, as they are written and as they are read."""

    def __init__(self, seed):
        self.seed = seed
        self.states = [{}]  # of the ledger after each batch

    def plain(self, batch):
        """A table that is made anew: one batch, all of it."""
        rows = []
        for i in range(chance(self.seed, "plain", batch).randrange(20, 400)):
            amount = f"{(i * 7 + batch) % 1000}.{i % 100:02}"
            rows.append((str(i), str(batch), mark(self.seed, "plain", batch, i), f"{i}.{batch}@example.com", amount))
        return rows

    def totals(self, batch):
        rows = self.plain(batch)
        cents = sum(int(r[4].replace(".", "")) for r in rows)
        return [(str(batch), str(len(rows)), f"{cents // 100}.{cents % 100:02}")]

    def checked(self, batch):
        """Good rows and bad ones."""
        dice = chance(self.seed, "checked", batch)
        good, bad = [], []
        for i in range(dice.randrange(10, 120)):
            country = BAD if dice.random() < 0.1 else dice.choice(("CH", "DE", "AT"))
            row = (str(i), str(batch), mark(self.seed, "checked", batch, i), country)
            (bad if country == BAD else good).append(row)
        return good, bad

    def changes(self, batch):
        """What a batch brings to the ledger, by key."""
        dice = chance(self.seed, "ledger", batch)
        return {key: (str(key), str(batch), mark(self.seed, "ledger", batch, key), moment(batch))
                for key in dice.sample(range(400), dice.randrange(5, 60))}

    def ledger(self, batch):
        """The ledger after a batch."""
        while len(self.states) <= batch:
            self.states.append(self.states[-1] | self.changes(len(self.states)))
        return list(self.states[batch].values())

    def changes_since(self, first, last):
        found = {}
        for batch in range(first, last + 1):
            found |= self.changes(batch)
        return list(found.values())

    def expected(self, product, batch):
        if product == "soak.batches":
            return sorted(self.plain(batch))
        if product == "soak.totals":
            return sorted(self.totals(batch))
        if product == "soak.checked":
            return sorted(self.checked(batch)[0])
        return sorted(self.ledger(batch))

    def batch_of(self, product, rows):
        """Which batch a table must be: the newest that any row is of."""
        column = 0 if product == "soak.totals" else 1
        return max((int(row[column]) for row in rows), default=0)
