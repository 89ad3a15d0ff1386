"""Tables of TPC-H by plain SQL, a governed mesh over them, and the same rows as an analyst may see them, made by DuckDB alone."""

import os
import re
from pathlib import Path

import kit

SF = float(os.environ.get("BENCH_SF", 1))
FOLDER = kit.FOLDER / f"tpch-{SF:g}"
SUPPLIERS, PARTS, CUSTOMERS, ORDERS = (max(1, int(n * SF)) for n in (10_000, 200_000, 150_000, 1_500_000))

NATIONS = """ALGERIA 0,ARGENTINA 1,BRAZIL 1,CANADA 1,EGYPT 4,ETHIOPIA 0,FRANCE 3,GERMANY 3,INDIA 2,INDONESIA 2,IRAN 4,IRAQ 4,JAPAN 2,
    JORDAN 4,KENYA 0,MOROCCO 0,MOZAMBIQUE 0,PERU 1,CHINA 2,ROMANIA 3,SAUDI ARABIA 4,VIETNAM 2,RUSSIA 3,UNITED KINGDOM 3,UNITED STATES 1"""
REGIONS = ["AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"]
COLOURS = """almond antique aquamarine azure beige bisque black blanched blue blush brown burlywood burnished chartreuse chiffon chocolate
    coral cornflower cornsilk cream cyan dark deep dim dodger drab firebrick floral forest frosted gainsboro ghost goldenrod green grey
    honeydew hot indian ivory khaki lace lavender lawn lemon light lime linen magenta maroon medium metallic midnight mint misty moccasin
    navajo navy olive orange orchid pale papaya peach peru pink plum powder puff purple red rose rosy royal saddle salmon sandy seashell
    sienna sky slate smoke snow spring steel tan thistle tomato turquoise violet wheat white yellow"""
WORDS = """foxes ideas theodolites instructions dependencies excuses platelets asymptotes courts dolphins multipliers sauternes warthogs
    frets dinos attainments somas braids hockey players pinto beans packages deposits requests accounts pearls sentiments escapades
    sleep wake are cajole haggle nag use boost affix detect integrate maintain doze engage furious sly careful blithe quick fluffy slow
    quiet ruthless thin close dogged daring brave stealthy permanent enticing idle busy regular final ironic even bold silent special
    pending express unusual about above according across after against along among around at the of"""


def words(text):
    return "[" + ", ".join(f"'{w}'" for w in text.split()) + "]"


def picked(seed, values, key="i"):
    """One of the values, by row."""
    return f"({values})[1 + (hash({key}, {seed}) % len({values}))::INTEGER]"


def between(seed, low, high, key="i"):
    return f"({low} + (hash({key}, {seed}) % {high - low + 1})::BIGINT)"


def comment(seed, low, high):
    """A piece of the pool of texts, which is joined by POOL."""
    return f"substr(pool.text, {between(seed, 1, 90)}::INTEGER, {between(seed + 1, low, high)}::INTEGER)"


POOL = "JOIN pool ON pool.id = (hash(i, 99) % 20000)::INTEGER"
MONEY = "DECIMAL(15,2)"
ADDRESS = f"substr(to_base64(unhex(sha256(i || 'address'))), 1, {between(2, 10, 40)}::INTEGER)"
SUPPLIER_OF = "(({part} + {n} * ({s} // 4 + ({part} - 1) // {s})) % {s} + 1)"


def phone(nation):
    return f"({nation} + 10) || '-' || {between(5, 100, 999)} || '-' || {between(6, 100, 999)} || '-' || {between(7, 1000, 9999)}"


def supplier_of(part, number):
    return SUPPLIER_OF.format(part=part, n=number, s=SUPPLIERS)


MAKE = {
    "pool": f"""SELECT (i // 60)::INTEGER AS id, string_agg(word, ' ' ORDER BY i) AS text
        FROM range({20_000 * 60}) t(i) JOIN (SELECT unnest({words(WORDS)}) AS word, unnest(range({len(WORDS.split())})) AS n)
             ON n = (hash(i, 1) % {len(WORDS.split())})::BIGINT GROUP BY i // 60""",
    "region": f"""SELECT i AS r_regionkey, ({REGIONS})[i + 1] AS r_name, {comment(10, 31, 115)} AS r_comment
        FROM range(5) t(i) {POOL} ORDER BY i""",
    "nation": f"""SELECT i AS n_nationkey, regexp_extract(n, '(.*) .', 1) AS n_name, right(n, 1)::BIGINT AS n_regionkey,
            {comment(10, 31, 114)} AS n_comment
        FROM (SELECT i, trim((string_split('{NATIONS}', ','))[i + 1], E' \\n') AS n FROM range(25) t(i)) {POOL} ORDER BY i""",
    "supplier": f"""SELECT i AS s_suppkey, printf('Supplier#%09d', i) AS s_name, {ADDRESS} AS s_address, nation AS s_nationkey,
            {phone("nation")} AS s_phone, ({between(8, -99999, 999999)} / 100)::{MONEY} AS s_acctbal,
            CASE WHEN hash(i, 9) % 2000 = 0 THEN 'Customer ' || {comment(10, 10, 40)} || ' Complaints '
                 WHEN hash(i, 9) % 2000 = 1 THEN 'Customer ' || {comment(10, 10, 40)} || ' Recommends '
                 ELSE {comment(10, 25, 100)} END AS s_comment
        FROM (SELECT i, {between(1, 0, 24)} AS nation FROM range(1, {SUPPLIERS + 1}) t(i)) {POOL} ORDER BY i""",
    "part": f"""SELECT i AS p_partkey,
            array_to_string(list_transform(range(5), lambda x:
                {words(COLOURS)}[1 + ((hash(i, 1) % 92)::BIGINT + x * (1 + (hash(i, 2) % 22)::BIGINT)) % 92]), ' ') AS p_name,
            'Manufacturer#' || maker AS p_mfgr, 'Brand#' || maker || {between(4, 1, 5)} AS p_brand,
            {picked(5, words("STANDARD SMALL MEDIUM LARGE ECONOMY PROMO"))} || ' ' ||
                {picked(6, words("ANODIZED BURNISHED PLATED POLISHED BRUSHED"))} || ' ' ||
                {picked(7, words("TIN NICKEL BRASS STEEL COPPER"))} AS p_type,
            {between(8, 1, 50)}::INTEGER AS p_size,
            {picked(9, words("SM LG MED JUMBO WRAP"))} || ' ' || {picked(11, words("CASE BOX BAG JAR PKG PACK CAN DRUM"))} AS p_container,
            ((90000 + (i // 10) % 20001 + 100 * (i % 1000)) / 100)::{MONEY} AS p_retailprice, {comment(12, 5, 22)} AS p_comment
        FROM (SELECT i, {between(3, 1, 5)} AS maker FROM range(1, {PARTS + 1}) t(i)) {POOL} ORDER BY i""",
    "partsupp": f"""SELECT part AS ps_partkey, {supplier_of("part", "n")} AS ps_suppkey, {between(1, 1, 9999)} AS ps_availqty,
            ({between(2, 100, 100000)} / 100)::{MONEY} AS ps_supplycost, {comment(3, 49, 198)} AS ps_comment
        FROM (SELECT i, 1 + i // 4 AS part, i % 4 AS n FROM range({PARTS * 4}) t(i)) {POOL} ORDER BY i""",
    "customer": f"""SELECT i AS c_custkey, printf('Customer#%09d', i) AS c_name, {ADDRESS} AS c_address, nation AS c_nationkey,
            {phone("nation")} AS c_phone, ({between(8, -99999, 999999)} / 100)::{MONEY} AS c_acctbal,
            {picked(9, words("AUTOMOBILE BUILDING FURNITURE MACHINERY HOUSEHOLD"))} AS c_mktsegment, {comment(12, 29, 116)} AS c_comment
        FROM (SELECT i, {between(11, 0, 24)} AS nation FROM range(1, {CUSTOMERS + 1}) t(i)) {POOL} ORDER BY i""",
    # Keys of orders are sparse, a third of the customers has none, the lines of an order are one to seven.
    "lines": f"""SELECT i, orderkey, ordered, (i * 8 + n) AS line_id, n AS number
        FROM (SELECT i, (i // 8) * 32 + i % 8 + 1 AS orderkey, DATE '1992-01-01' + {between(1, 0, 2405)}::INTEGER AS ordered,
                  unnest(range(1, {between(2, 1, 7)} + 1)) AS n FROM range({ORDERS}) t(i))""",
    "lineitem": f"""SELECT orderkey AS l_orderkey, part AS l_partkey, {supplier_of("part", between(3, 0, 3))} AS l_suppkey,
            number AS l_linenumber, quantity::{MONEY} AS l_quantity,
            (quantity * (90000 + (part // 10) % 20001 + 100 * (part % 1000)) / 100)::{MONEY} AS l_extendedprice,
            ({between(4, 0, 10)} / 100)::{MONEY} AS l_discount, ({between(5, 0, 8)} / 100)::{MONEY} AS l_tax,
            CASE WHEN received > DATE '1995-06-17' THEN 'N' ELSE {picked(8, words("R A"))} END AS l_returnflag,
            CASE WHEN shipped > DATE '1995-06-17' THEN 'O' ELSE 'F' END AS l_linestatus,
            shipped AS l_shipdate, ordered + {between(9, 30, 90)}::INTEGER AS l_commitdate, received AS l_receiptdate,
            {picked(11, "['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN']")} AS l_shipinstruct,
            {picked(12, "['REG AIR', 'AIR', 'RAIL', 'SHIP', 'TRUCK', 'MAIL', 'FOB']")} AS l_shipmode, {comment(13, 10, 43)} AS l_comment
        FROM (SELECT line_id AS i, orderkey, number, ordered, {between(1, 1, PARTS, "line_id")} AS part,
                  {between(2, 1, 50, "line_id")} AS quantity, ordered + {between(6, 1, 121, "line_id")}::INTEGER AS shipped,
                  ordered + {between(6, 1, 121, "line_id")}::INTEGER + {between(7, 1, 30, "line_id")}::INTEGER AS received FROM lines)
             {POOL} ORDER BY l_orderkey, l_linenumber""",
    "orders": f"""SELECT orderkey AS o_orderkey, (CASE WHEN customer % 3 = 0 THEN customer - 1 ELSE customer END) AS o_custkey,
            status AS o_orderstatus, total AS o_totalprice, ordered AS o_orderdate,
            {picked(4, "['1-URGENT', '2-HIGH', '3-MEDIUM', '4-NOT SPECIFIED', '5-LOW']")} AS o_orderpriority,
            printf('Clerk#%09d', {between(5, 1, max(1, int(1000 * SF)))}) AS o_clerk, 0 AS o_shippriority, {comment(6, 19, 78)} AS o_comment
        FROM (SELECT i, orderkey, any_value(ordered) AS ordered, any_value({between(3, 1, CUSTOMERS)}) AS customer,
                  CASE WHEN bool_and(l_linestatus = 'F') THEN 'F' WHEN bool_and(l_linestatus = 'O') THEN 'O' ELSE 'P' END AS status,
                  sum(l_extendedprice * (1 + l_tax) * (1 - l_discount))::{MONEY} AS total
              FROM lines JOIN lineitem ON l_orderkey = orderkey AND l_linenumber = number GROUP BY i, orderkey)
             {POOL} ORDER BY orderkey""",
}
PRODUCTS = {"sales": ["customer", "orders", "lineitem"], "supply": ["part", "supplier", "partsupp"], "places": ["nation", "region"]}
TABLES = {table: f"trade.{product}.{table}" for product, tables in PRODUCTS.items() for table in tables}
KEYS = {"lineitem": ["l_orderkey", "l_linenumber"], "partsupp": ["ps_partkey", "ps_suppkey"], "customer": ["c_custkey"],
        "orders": ["o_orderkey"], "part": ["p_partkey"], "supplier": ["s_suppkey"], "nation": ["n_nationkey"], "region": ["r_regionkey"]}

# What may be hidden of rows, and what of values. Who is not in a mix is excepted from its filters.
NATIONS_SHOWN = [2, 3, 6, 7, 8, 9, 12, 18, 20, 21]
FILTERS = {
    "customers": ("trade.sales.customer", "c_nationkey = ANY($actor.nations)"),
    "suppliers": ("trade.supply.supplier", "s_nationkey = ANY($actor.nations)"),
    "closed": ("trade.sales.orders", "o_orderstatus = 'F'"),
    "orders": ("trade.sales.orders", "o_orderdate <= '1996-12-31'"),
    "lines": ("trade.sales.lineitem", "l_shipdate <= '1996-12-31'"),
}
MASKS = {
    "c_name": ("trade.sales.customer", "{method: hash}"),
    "c_phone": ("trade.sales.customer", "{method: partial, keepFirst: 2}"),
    "o_clerk": ("trade.sales.orders", "{method: \"null\"}"),
    "s_address": ("trade.supply.supplier", "{method: truncate, unit: 4}"),
}
# Ten nations of 25, and the years until 1996: of orders with their lines, or only of customers, suppliers and closed orders, where the
# largest table is read as it is. Each window of time that the queries ask for is in both.
MIXES = {"years": ("customers", "orders", "lines"), "parties": ("customers", "suppliers", "closed")}
MIX = os.environ.get("BENCH_MIX", "years")
# A user: filters, nations, whether masks hold. The first is governed by all; the others are for the bytes of classes.
USERS = {
    "noor": (MIXES[MIX], NATIONS_SHOWN, True),
    "one": (MIXES[MIX], NATIONS_SHOWN[:1], False),
    "several": (MIXES[MIX], NATIONS_SHOWN, False),
    "masks": ((), [], True),
    "both": (MIXES[MIX], NATIONS_SHOWN[:1], True),
}


def data():
    """Each table as CSV and as Parquet, made once."""
    if not (FOLDER / "done").exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with kit.duckdb.connect() as db:
            db.execute(f"SET threads = {kit.THREADS}; SET preserve_insertion_order = true; SET memory_limit = '6GB'")
            for table, text in MAKE.items():
                db.execute(f"CREATE TABLE {table} AS {text}")
                if table not in KEYS:
                    continue
                db.execute(f"COPY {table} TO '{FOLDER}/{table}.csv' (HEADER)")
                db.execute(f"COPY {table} TO '{FOLDER}/{table}.parquet' (FORMAT parquet, COMPRESSION zstd)")
        (FOLDER / "done").touch()
    return FOLDER


def schema(db, tables):
    """The tables of a contract, with the columns and types that the data have."""
    text = "schema:\n"
    for table in tables:
        text += f"  - name: {table}\n    properties:\n"
        for name, kind, *_ in db.execute(f"DESCRIBE SELECT * FROM read_parquet('{data()}/{table}.parquet')").fetchall():
            logical = "integer" if "INT" in kind else "number" if "DEC" in kind else "date" if kind == "DATE" else "string"
            text += f"      - {{name: {name}, logicalType: {logical}, physicalType: \"{kind}\""
            if name in KEYS[table]:
                text += f", required: true, primaryKey: true, primaryKeyPosition: {KEYS[table].index(name) + 1}"
            text += "}\n"
    return text


def policies():
    made = {"grant": "grant: {products: [" + ", ".join(f"trade.{p}" for p in PRODUCTS) + "], role: reader, to: {groups: [analysts]}}"}
    for name, (table, where) in FILTERS.items():
        made[name] = f"filter: {{tables: {{table: [{table}]}}, where: \"{where}\", except: {{groups: [all-{name}]}}}}"
    for column, (table, how) in MASKS.items():
        made[f"mask-{column}".replace("_", "-")] = \
            f"mask: {{columns: {{table: [{table}], column: [{column}]}}, with: {how}, except: {{groups: [unmasked]}}}}"
    return made


def mesh(name):
    """The mesh with its releases made. The data are linked: replace a file, never write into it."""
    made = kit.empty_mesh(name)
    users = ""
    for user, (filters, nations, masked) in USERS.items():
        groups = ["analysts"] + [f"all-{name}" for name in FILTERS if name not in filters] + ([] if masked else ["unmasked"])
        users += f"  {user}: {{groups: [{', '.join(groups)}], attributes: {{nations: {nations}}}}}\n"
    made.write("mesh.yaml", kit.MESH.replace("users: {noor: {groups: [analysts]}, ana: {groups: []}}\n",
                                             "users:\n  ana: {groups: []}\n" + users))
    made.write("domains/trade/domain.yaml", kit.DOMAIN.replace("sales", "trade").replace("Sales", "Trade"))
    with kit.duckdb.connect() as db:
        for product, tables in PRODUCTS.items():
            folder = f"domains/trade/{product}"
            made.write(f"{folder}/product.odps.yaml", kit.PRODUCT.replace("sales-orders", f"trade-{product}").replace(
                "name: orders", f"name: {product}").replace("contractId: orders", f"contractId: {product}").replace(
                "contractId: files", f"contractId: {product}-files"))
            text = schema(db, tables)
            made.write(f"{folder}/files.odcs.yaml", kit.HEAD.format(id=f"{product}-files") +
                       "servers: [{server: files, type: local, path: \"data/{table}.csv\", format: csv}]\n" + text)
            made.write(f"{folder}/{product}.odcs.yaml", kit.HEAD.format(id=product) + text)
    for key, text in policies().items():
        made.write(f"policies/{key}.policy.yaml",
                   f"apiVersion: weft/v1\nkind: Policy\nid: {key}\nowner: guild\ndescription: bench\n{text}\n")
    (made.folder / "data").mkdir()
    for table in TABLES:
        os.link(data() / f"{table}.csv", made.folder / "data" / f"{table}.csv")
    made.weft("apply", "--yes")
    made.weft("run", "--all", timeout=7200)
    return made


def hashed(mesh, value):
    """HMAC-SHA-256 under the key of the mesh, as SQL."""
    key = bytes.fromhex((mesh.home / "mask.key").read_text().split()[0]).ljust(64, b"\0")
    inner, outer = (bytes(b ^ pad for b in key).hex() for pad in (0x36, 0x5C))
    return f"sha256(unhex('{outer}') || unhex(sha256(unhex('{inner}') || encode({value}))))"


def visible(mesh, db):
    """A view for each table over a file of just what the analyst noor may see, written by DuckDB. Gives their files."""
    masks = {
        "customer": f"{hashed(mesh, 'c_name')} AS c_name, left(c_phone, 2) || repeat('*', length(c_phone) - 2) AS c_phone",
        "orders": "NULL::VARCHAR AS o_clerk",
        "supplier": "left(s_address, 4) AS s_address",
    }
    shown = {table: (f"REPLACE ({mask})", "") for table, mask in masks.items()}
    for name in MIXES[MIX]:
        address, where = FILTERS[name]
        table = address.rpartition(".")[2]
        where = where.replace("= ANY($actor.nations)", f"IN ({', '.join(map(str, NATIONS_SHOWN))})")
        shown[table] = (shown.get(table, ("", ""))[0], f"WHERE {where}")
    folder = mesh.folder / "visible"
    folder.mkdir(exist_ok=True)
    files = {}
    for table in TABLES:
        replaced, where = shown.get(table, ("", ""))
        files[table] = folder / f"{table}.parquet"
        db.execute(f"COPY (SELECT * {replaced} FROM read_parquet('{data()}/{table}.parquet') {where}) "
                   f"TO '{files[table]}' (FORMAT parquet, COMPRESSION zstd)")
    return files


def views(db, name, files):
    """A schema of views over files."""
    db.execute(f"CREATE SCHEMA {name}")
    for table, path in files.items():
        db.execute(f"CREATE VIEW {name}.{table} AS SELECT * FROM read_parquet('{path}')")


def queries():
    """Number and text of the 22; a text takes names of tables."""
    parts = re.split(r"^-- Q(\d+)$", (Path(__file__).parent / "tpch_queries.sql").read_text(), flags=re.M)
    return [(f"Q{number}", text.strip()) for number, text in zip(parts[1::2], parts[2::2])]


def asked(text, names):
    return text.format(fraction=f"{0.0001 / SF:.10f}", **names)
