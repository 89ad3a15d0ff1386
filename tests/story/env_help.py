"""What the stories of environments share: a mesh of two domains, changes in one, and what a home holds."""

from story_help import ORDERS, Called, Held, Started, edit
from test_candidate import CONTRACT, FINANCE, GRANT, PRODUCT, SQL, TOTALS

LOUD = "SELECT id, upper(customer) AS customer, email, country, amount, ordered_on FROM shop.raw_orders\n"
# Long enough to be stopped at work, on a quick machine too.
MUCH = "range(100000) a, range(200000) b"
LONG = LOUD.rstrip("\n") + f" WHERE (SELECT count(*) FROM {MUCH}) > 0\n"
ASK = f"SELECT count(*) AS n FROM sales.orders.orders, {MUCH}"


def write_two(mesh):
    """Orders of sales, and totals of finance made of them."""
    mesh.write("domains/finance/domain.yaml", FINANCE)
    mesh.write(f"{TOTALS}/product.odps.yaml", PRODUCT)
    mesh.write(f"{TOTALS}/totals.odcs.yaml", CONTRACT)
    mesh.write(f"{TOTALS}/totals.sql", SQL)
    mesh.write("policies/finance.policy.yaml", GRANT)
    return mesh


def home_files(mesh):
    """Release files, cleared copies and environments by their paths."""
    return sorted(str(p.relative_to(mesh.home)) for name in ("files", "cleared", "env", "staging")
                  for p in (mesh.home / name).rglob("*") if p.is_file() or name == "env")


def customers(mesh, env=None, as_user="noor"):
    rows = mesh.rows("SELECT customer FROM sales.orders.orders ORDER BY id", as_user=as_user,
                     env={"WEFT_ENV": env} if env else None)
    return [row["customer"] for row in rows]


def change(mesh, env="dev-x", text=LOUD):
    """The SQL of orders, applied in an environment alone."""
    mesh.write(f"{ORDERS}/orders.sql", text)
    return mesh.weft("apply", "--env", env, "--domain", "sales", "--yes", "--as", "ana")


def release_of(mesh, product, env=None):
    shown = mesh.weft("show", product, "--format", "json", *(["--env", env] if env else [])).json
    return shown


def env_products(mesh, env="dev-x"):
    shown = mesh.weft("env", "show", env, "--format", "json").json
    return {row["product"]: row for row in shown["products"]}


def build(mesh, *args):
    return Held(mesh, "build", lambda: Started(mesh, "run", "sales.orders", "--env", "dev-x", "--format", "json", *args))


def query(mesh, server, sql=ASK, user="noor"):
    return Held(mesh, "consumer", lambda: Called(
        server.call, "POST", "/env/dev-x/api/v1/query", {"sql": sql, "timeout_ms": 600000}, as_user=user))


__all__ = ["ASK", "LONG", "LOUD", "MUCH", "ORDERS", "TOTALS", "build", "change", "customers", "edit", "env_products", "home_files",
           "query", "release_of", "write_two"]
