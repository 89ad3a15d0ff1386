"""Decisions a second in process, kept and cold, with OPA's embedded evaluator over the same policies beside them."""

import json
import os
import shutil
import statistics
import subprocess

import kit

POLICIES = 1000
COLD, KEPT = 1000, 5_000_000
OPA = int(os.environ.get("BENCH_OPA_DECISIONS", 50))
GO = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}


def build():
    """Ours as released; the peer by Go, which fetches its modules the first time. Without Go there is no peer."""
    subprocess.run([kit.ROOT / "tools/build", "release", "decisions"], check=True, stdout=subprocess.DEVNULL)
    if not shutil.which("go"):
        return None
    peer = kit.FOLDER / "opa"
    done = subprocess.run(["go", "build", "-o", peer, "."], cwd=kit.ROOT / "bench/peers/opa", env=os.environ | GO)
    return peer if done.returncode == 0 else None


def weft(threads):
    folder = kit.FOLDER / "decisions"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    words = [kit.ROOT / "build/release/bench/decisions", folder, POLICIES, COLD, KEPT, threads]
    taken = json.loads(subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout)
    shutil.rmtree(folder)
    return taken


def opa(peer):
    return json.loads(subprocess.run([peer, str(POLICIES), str(OPA)], check=True, capture_output=True, text=True).stdout)


def say(what, values, unit):
    print(f"  {what:34} min {min(values):12,.1f}   median {statistics.median(values):12,.1f} {unit}   n {len(values)}")


def main():
    peer = build()
    ours, both, theirs = [], [], []
    for _ in range(kit.RUNS):
        ours.append(weft(1))
        both.append(weft(2))
        if peer:
            theirs.append(opa(peer))
    print(f"\ndecisions: {POLICIES} policies, a table of 20 columns   (goal kept >= 5M/s, cold <= 100 us)")
    say("kept, one thread", [run["kept"] / run["kept_s"] / 1e6 for run in ours], "M/s")
    say("kept, two threads", [run["kept"] / run["kept_s"] / 1e6 for run in both], "M/s")
    say("cold, wall", [run["cold_s"] / run["cold"] * 1e6 for run in ours], "us")
    say("cold, cpu", [run["cold_cpu_s"] / run["cold"] * 1e6 for run in ours], "us")
    if peer:
        say("OPA, wall", [run["wall_s"] / run["decisions"] * 1e6 for run in theirs], "us")
        say("OPA, cpu", [run["cpu_s"] / run["decisions"] * 1e6 for run in theirs], "us")
    else:
        print("  OPA: not measured, it needs Go", flush=True)


if __name__ == "__main__":
    main()
