"""Column lineage: statements a second over the corpus of the soundness test, and closures over a graph of 100,000 columns."""

import json
import subprocess

import kit  # noqa: F401  (it finds tests/story)
import test_lineage_soundness as soundness


def main():
    connection = soundness.connect()
    asked = [question for question, _ in soundness.questions(connection, soundness.corpus())]
    given = "\n".join(json.dumps(question) for question in asked) + "\n"
    print("lineage: goal >= 3,000 statements/s; closure over 100,000 nodes p99 <= 5 ms")
    for _ in range(kit.RUNS):
        out = subprocess.run([soundness.tool(), "--bench", "2"], input=given, capture_output=True, text=True, check=True).stdout
        found = json.loads(out)
        print(f"  {len(asked)} statements of {sum(len(q['text']) for q in asked) // len(asked)} bytes: "
              f"{found['statements'] * 1000 // found['ms']:,} statements/s")
    out = subprocess.run([soundness.tool(), "--closure", "100000"], capture_output=True, text=True, check=True).stdout
    found = json.loads(out)
    print(f"  closure over {found['nodes']:,} nodes, {found['links']:,} links, at most {found['most_reached']:,} reached: "
          f"p50 {found['p50_us'] / 1000:.2f} ms, p99 {found['p99_us'] / 1000:.2f} ms ({found['p99_cpu_us'] / 1000:.2f} ms of CPU)")


if __name__ == "__main__":
    main()
