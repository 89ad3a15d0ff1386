"""CSV to a release whose table is several files, over the same with the table in one file."""

import shutil

import kit

SPLIT = {"WEFT_PART_ROWS_MAX": str(kit.ROWS // 6)}
SIDES = {"several files": SPLIT, "one file": {"WEFT_PART_ROWS_MAX": "1000000000", "WEFT_PART_MB_MAX": "1048576"},
         "by country": SPLIT}


def make(name, env):
    mesh = kit.mesh("parts-" + name.replace(" ", "-"))
    mesh.env |= env
    if name == "by country":
        path = mesh.folder / "domains/sales/orders/orders.odcs.yaml"
        path.write_text(path.read_text().replace(
            "    tags: [rows]\n", "    tags: [rows]\n    customProperties: [{property: clusterBy, value: [country]}]\n"))
    csv = mesh.folder / "data/orders.csv"
    csv.unlink()
    shutil.copy(kit.data() / "orders.csv", csv)
    mesh.weft("apply", "--yes")
    return mesh, mesh.serve(http=False), csv


def main():
    figures = kit.Figures(f"parts: {kit.ROWS} rows, a row more in each release", "<= 1.15x")
    first = kit.Figures("parts: the first release", "none")
    sides = {name: make(name, env) for name, env in SIDES.items()}
    for i in range(kit.RUNS + 1):
        for name, (mesh, server, csv) in sides.items():
            with open(csv, "a") as more:
                more.write(f"{kit.ROWS + i},1,CH,late@example.com,1.00,2026-01-01\n")
            (figures if i else first).take(
                name, lambda mesh=mesh: mesh.weft("run", "--all", timeout=3600), server.process.pid)
    first.show()
    figures.show()
    for name, (mesh, _, _) in sides.items():
        files = [p.stat().st_size for p in (mesh.home / "files").rglob("*") if p.is_file()]
        print(f"  {name:28} {len(files):4} files of {kit.RUNS + 1} releases, {sum(files) >> 20} MB")
        mesh.close()


if __name__ == "__main__":
    main()
