"""The mesh files that docs/ show are files that weft accepts, and links between pages lead somewhere."""

import gzip
import os
import re
import shlex
import subprocess

import pytest

from conftest import PATIENCE_S, ROOT

DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(?:yaml|sql) file=(\S+)\n(.*?)^```$", re.M | re.S)
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)]*)?\)")
BASE = "mesh-files.md"  # a whole mesh; files of other pages come beside it, or in the place of one of its files
GUIDES = sorted(page.name for page in DOCS.glob("*.md"))
PAGES = GUIDES + sorted(str(page.relative_to(DOCS)) for folder in ("guides", "reference") for page in (DOCS / folder).glob("*.md"))


def files_of(page):
    return dict(BLOCK.findall((DOCS / page).read_text()))


def write(mesh, page):
    for path, text in files_of(page).items():
        mesh.write(path, text)


@pytest.mark.parametrize("page", [page for page in GUIDES if files_of(page)])
def test_the_files_of_a_page_pass_the_check(mesh, page):
    write(mesh, BASE)
    write(mesh, page)
    findings = mesh.weft("check", "--format", "json").json
    assert [f for f in findings if f["level"] == "error"] == []
    told = [f for f in findings if f["level"] == "warning" and f["file"] in files_of(page)]
    assert told == [], "a page shows what weft warns of"


def test_the_example_of_a_csv_file_runs(mesh):
    write(mesh, BASE)
    write(mesh, "policies.md")
    mesh.write("data/orders-1.csv.gz", gzip.compress(
        b"order_no,email,country,amount,ordered_on\n1,Ada@example.com,CH,1.50,2026-01-01\n2,,DE,2.00,2026-01-02\n"))
    mesh.weft("apply", "--yes")
    mesh.weft("run", "sales.orders")
    rows = "SELECT id, email, country FROM sales.orders.orders ORDER BY id"
    ada, other = {"id": 1, "email": "ada@example.com", "country": "CH"}, {"id": 2, "email": None, "country": "DE"}
    assert mesh.rows(rows, as_user="ana") == [ada, other]
    purpose = ["query", rows, "--as", "noor", "--purpose", "reporting", "--format", "json"]
    assert mesh.weft(*purpose).json["rows"] == [[1, None, "CH"]]
    assert mesh.weft("query", rows, "--as", "noor", ok=False).code == 77
    without_secret = mesh.weft("run", "customer.profiles", ok=False)
    assert without_secret.code == 78 and "CRM_PASSWORD" in without_secret.err


def test_the_commands_of_the_page_on_access_run(mesh):
    write(mesh, BASE)
    mesh.write("data/orders-1.csv.gz", gzip.compress(
        b"order_no,email,country,amount,ordered_on\n1,Ada@example.com,CH,1.50,2026-01-01\n"))
    mesh.weft("apply", "--yes")
    mesh.weft("run", "sales.orders")
    commands = [line for block in SHELL.findall((DOCS / "access.md").read_text()) for line in block.splitlines()]
    assert len(commands) > 10
    for command in commands:
        answer = mesh.weft(*shlex.split(command)[1:])
        assert answer.out or answer.err, command


def test_the_commands_of_the_page_on_quarantine_run(mesh):
    write(mesh, BASE)
    write(mesh, "quarantine.md")
    rows = "".join(f"{i},a@example.com,{'XX' if i == 7 else 'CH'},1.50,2026-01-01\n" for i in range(100))
    mesh.write("data/orders-1.csv.gz", gzip.compress(b"order_no,email,country,amount,ordered_on\n" + rows.encode()))
    mesh.weft("apply", "--yes")
    assert "orders: 1 of 100 rows quarantined" in mesh.weft("run", "sales.orders").out
    commands = [line for block in SHELL.findall((DOCS / "quarantine.md").read_text()) for line in block.splitlines()]
    assert len(commands) == 3
    for command in commands:
        assert "country-known" in mesh.weft(*shlex.split(command)[1:], "--as", "ana").out, command


def test_pages_with_files_are_seen():
    assert {"mesh-files.md", "policies.md", "quality.md"} <= {page for page in GUIDES if files_of(page)}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    folder = (DOCS / page).parent
    for target, _ in LINK.findall((DOCS / page).read_text()):
        assert (folder / target).exists(), target


def test_the_index_names_every_page():
    index = {target for target, _ in LINK.findall((DOCS / "README.md").read_text())}
    assert [page for page in PAGES if page not in index and page != "README.md"] == []


def test_the_site_of_the_pages_is_whole(tmp_path):
    """Built without the network; a broken link stops it."""
    deps = os.environ.get("WEFT_DEPS_DIR") or ROOT / "build/deps"
    if not os.access(f"{deps}/docs-venv/bin/mkdocs", os.X_OK):
        pytest.skip("the generator is not here: tools/deps docs")
    done = subprocess.run([ROOT / "tools/docs", tmp_path / "site"], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stdout + done.stderr
    for page in PAGES:
        made = (tmp_path / "site" / page.replace("README.md", "index.html").replace(".md", ".html")).read_text()
        assert "```" not in made, f"a block of {page} is not read as one"
        assert not re.search(r">[\w/-]+\.md</a>", made), f"{page} calls a page of the site by the name of a file"
        assert not re.search(r'(?:src|href)="(?:https?:)?//[^"]*\.(?:js|css)', made), f"{page} wants something from elsewhere"
    assert "<table" in (tmp_path / "site/words.html").read_text() and (tmp_path / "site/pictures/mesh.svg").exists()
    assert "Five minutes" in (tmp_path / "site/tour.html").read_text()
