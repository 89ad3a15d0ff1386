"""The 22 queries of TPC-H by an analyst under three filters and four masks, over DuckDB on all rows and on just the visible ones; then
what the copies of classes weigh."""

import json
import math
import shutil
import statistics
from decimal import Decimal

import kit
import tpch

SIDES = ("weft", "all rows", "visible rows")


def told(value):
    """A value as JSON says it, for a comparison of answers: digits of decimals count, the last ones of floats do not."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, Decimal)):
        return float(value)
    return value if isinstance(value, float) else str(value)


def number(value, other):
    """A text that stands where the other side has a number."""
    if isinstance(value, str) and isinstance(other, float):
        return float(value)
    return value


def same(ours, theirs):
    if len(ours) != len(theirs):
        return False
    theirs = [[told(v) for v in row] for row in theirs]
    ours = [[number(told(v), w) for v, w in zip(row, other)] for row, other in zip(ours, theirs)]
    return all(math.isclose(v, w, rel_tol=1e-9) if isinstance(v, float) and isinstance(w, float) else v == w
               for row, other in zip(ours, theirs) for v, w in zip(row, other))


def geomean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def refused(client, sql):
    """Why the query gets no answer, or None."""
    client.connection.request("POST", "/api/v1/query", body=json.dumps({"sql": sql}), headers={"Weft-As": client.user})
    answer = client.connection.getresponse()
    body = answer.read()
    return None if answer.status == 200 else f"{answer.status} {body.decode()[:300]}"


def show(taken, failed, different, empty):
    """A line a query: minima, CPU, ratios of minima and of medians; then their geometric means."""
    print(f"\ngoverned_tpch: SF {tpch.SF:g}, mix {tpch.MIX}: filters on {', '.join(FILTERED)}, 4 masks, warm   (goal geomean <= 0.75x of all rows, <= 1.05x of visible rows)")
    print("        weft ms   all ms  visible ms   cpu ms: weft      all  visible   of all: min  median   of visible: min  median   n")
    ratios = {side: {"min": [], "median": [], "cpu": []} for side in SIDES[1:]}
    for name, sides in taken.items():
        wall = {side: [w for w, _ in sides[side]] for side in SIDES}
        busy = {side: statistics.median(c for _, c in sides[side]) for side in SIDES}
        for side in SIDES[1:]:
            ratios[side]["min"].append(min(wall["weft"]) / min(wall[side]))
            ratios[side]["median"].append(statistics.median(wall["weft"]) / statistics.median(wall[side]))
            ratios[side]["cpu"].append(max(busy["weft"], 0.001) / max(busy[side], 0.001))
        print(f"  {name:4}{min(wall['weft']) * 1000:9.1f}{min(wall['all rows']) * 1000:9.1f}{min(wall['visible rows']) * 1000:12.1f}"
              f"{busy['weft'] * 1000:15.1f}{busy['all rows'] * 1000:9.1f}{busy['visible rows'] * 1000:9.1f}"
              f"{ratios['all rows']['min'][-1]:14.2f}{ratios['all rows']['median'][-1]:8.2f}"
              f"{ratios['visible rows']['min'][-1]:18.2f}{ratios['visible rows']['median'][-1]:8.2f}{len(wall['weft']):4}")
    for side in SIDES[1:]:
        means = {key: geomean(values) for key, values in ratios[side].items()}
        print(f"  over DuckDB on {side:13} geomean of {len(taken)}: of minima {means['min']:.2f}x   of medians {means['median']:.2f}x   "
              f"of cpu {means['cpu']:.2f}x   largest {max(ratios[side]['min']):.2f}x")
    floors = {key: geomean(ratios["all rows"][key]) / geomean(ratios["visible rows"][key]) for key in ("min", "median", "cpu")}
    print(f"  DuckDB on visible rows over DuckDB on all rows: of minima {floors['min']:.2f}x   of medians {floors['median']:.2f}x   "
          f"of cpu {floors['cpu']:.2f}x")
    print(f"  {len(taken)} of 22 answered; {len(failed)} refused or failed; {len(different)} differ from DuckDB on visible rows"
          + (": " + ", ".join(different) if different else "") + (f"; without a row: {', '.join(empty)}" if empty else ""))
    for name, why in failed.items():
        print(f"  {name} has no answer: {why}")


CLASSES = {"one": "filter of 1 value", "several": f"filter of {len(tpch.NATIONS_SHOWN)} values", "masks": "masks only",
           "both": "filter of 1 value and masks", "noor": f"filter of {len(tpch.NATIONS_SHOWN)} values and masks"}
FILTERED = {tpch.FILTERS[name][0].rpartition(".")[2]: tpch.FILTERS[name][1] for name in tpch.MIXES[tpch.MIX]}
WEIGHED = [table for table in tpch.TABLES if table in {*FILTERED, *(t.rpartition(".")[2] for t, _ in tpch.MASKS.values())}]


def copies(mesh, user, table):
    """The copies of this table that this user's class makes where none are there: sizes, and names of their originals."""
    shutil.rmtree(mesh.home / "cleared", ignore_errors=True)
    for index in mesh.home.glob("cache.db*"):
        index.unlink()
    server = mesh.serve(http=False)
    kit.Client(server, user).query(f"SELECT count(*) FROM {tpch.TABLES[table]}")
    made = [(path.stem, path.stat().st_size) for path in (mesh.home / "cleared").rglob("*.parquet")]
    server.stop()
    return made


def weigh(mesh):
    """For each class bytes of its copies over those of the originals, by table and over the whole mesh."""
    files = {path.name: path.stat().st_size for path in (mesh.home / "files").rglob("*") if path.is_file()}
    made = {user: {table: copies(mesh, user, table) for table in WEIGHED} for user in CLASSES}
    names = {table: {name for user in made for name, _ in made[user][table]} for table in WEIGHED}
    originals = {table: sum(files[name] for name in names[table]) for table in WEIGHED}
    whole = sum(files.values())
    print(f"\ngoverned_tpch: bytes of copies over those of the originals, SF {tpch.SF:g}")
    print("  filters: " + "; ".join(f"{table} by {where.split()[0]}" for table, where in FILTERED.items())
          + "; masks: " + ", ".join(tpch.MASKS))
    print(f"  {'':31}" + "".join(f"{table:>20}" for table in WEIGHED) + f"{'all eight tables':>20}")
    print(f"  {'originals':31}" + "".join(f"{originals[table] / 1e6:9.2f} MB        " for table in WEIGHED) + f"{whole / 1e6:9.2f} MB")
    for user, title in CLASSES.items():
        sizes = {table: sum(size for _, size in made[user][table]) for table in WEIGHED}
        print(f"  {title:31}" + "".join(f"{sizes[table] / 1e6:9.2f} MB {sizes[table] / originals[table]:5.2f}x " if made[user][table]
                                        else f"{'as it is':>19} " for table in WEIGHED)
              + f"{sum(sizes.values()) / 1e6:9.2f} MB {sum(sizes.values()) / whole:5.2f}x", flush=True)


def main():
    mesh = tpch.mesh("governed-tpch")
    server = mesh.serve(http=False)
    client = kit.Client(server, "noor")
    floor = kit.duckdb.connect()
    floor.execute(f"SET threads = {kit.THREADS}")
    tpch.views(floor, "everything", {table: tpch.data() / f"{table}.parquet" for table in tpch.TABLES})
    tpch.views(floor, "shown", tpch.visible(mesh, floor))
    names = {"weft": tpch.TABLES, "all rows": {t: f"everything.{t}" for t in tpch.TABLES}, "visible rows": {t: f"shown.{t}" for t in tpch.TABLES}}
    taken, failed, different, empty = {}, {}, [], []
    for name, text in tpch.queries():
        sql = {side: tpch.asked(text, tables) for side, tables in names.items()}
        if why := refused(client, sql["weft"]):
            failed[name] = why
            continue
        answer = client.query(sql["weft"])
        if not same(answer, floor.execute(sql["visible rows"]).fetchall()):
            different.append(name)
        if not answer:
            empty.append(name)
        floor.execute(sql["all rows"]).fetchall()
        figures = kit.Figures(name, "")
        for _ in range(kit.RUNS):
            figures.take("weft", lambda: client.query(sql["weft"]), server.process.pid)
            figures.take("all rows", lambda: floor.execute(sql["all rows"]).fetchall())
            figures.take("visible rows", lambda: floor.execute(sql["visible rows"]).fetchall())
        taken[name] = figures.sides
    show(taken, failed, different, empty)
    server.stop()
    weigh(mesh)
    mesh.close()


if __name__ == "__main__":
    main()
