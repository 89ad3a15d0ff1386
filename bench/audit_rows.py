"""Durable audit rows a second with 64 writers, Tessera's POSIX log beside it; and queries, which are two rows each and more."""

import json
import os
import shutil
import statistics
import subprocess

import kit

ROWS = int(os.environ.get("BENCH_AUDIT_ROWS", 20_000))
WRITERS = 64
GO = {"OTEL_SDK_DISABLED": "true", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}


def build():
    """Ours as released; the peer by Go, which fetches its modules the first time. Without Go there is no peer."""
    subprocess.run([kit.ROOT / "tools/build", "release", "audit_writers"], check=True, stdout=subprocess.DEVNULL)
    if not shutil.which("go"):
        return None
    peer = kit.FOLDER / "tessera"
    done = subprocess.run(["go", "build", "-o", peer, "."], cwd=kit.ROOT / "bench/peers/tessera", env=os.environ | GO)
    return peer if done.returncode == 0 else None


def once(command):
    folder = kit.FOLDER / "audit"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    words = [str(folder) if word == "FOLDER" else str(word) for word in command]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=os.environ | GO)
    taken = json.loads(done.stdout.splitlines()[-1])
    shutil.rmtree(folder)
    return taken


def main():
    peer = build()
    ours = kit.ROOT / "build/release/bench/audit_writers"
    sides = {"weft, one row in flight": [ours, "FOLDER", WRITERS, ROWS, 1, "change"],
             "weft, 16 in flight": [ours, "FOLDER", WRITERS, ROWS, 16, "change"],
             "weft, queries": [ours, "FOLDER", WRITERS, ROWS, 1, "query"]}
    if peer:
        sides["Tessera, one in flight"] = [peer, "FOLDER", WRITERS, ROWS, 1]
        sides["Tessera, 16 in flight"] = [peer, "FOLDER", WRITERS, ROWS, 16]
    taken = {side: [] for side in sides}
    for _ in range(kit.RUNS):
        for side, command in sides.items():
            taken[side].append(once(command))
    print(f"\naudit_rows: {ROWS} durable rows, {WRITERS} writers   (goal >= 20,000 rows/s)")
    for side, runs in taken.items():
        rates = [run["rows"] / run["wall_s"] for run in runs]
        busy = [run["cpu_s"] / run["rows"] * 1e6 for run in runs]
        print(f"  {side:24} least {min(rates):9,.0f}   median {statistics.median(rates):9,.0f}   most {max(rates):9,.0f} rows/s   "
              f"cpu median {statistics.median(busy):6.1f} us/row   n {len(runs)}")
    if not peer:
        print("  Tessera: not measured, it needs Go", flush=True)


if __name__ == "__main__":
    main()
