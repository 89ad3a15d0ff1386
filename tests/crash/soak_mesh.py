"""The mesh of the soak: a table that is made anew and one made of it, one that grows, one that diverts rows, masks for an analyst."""

MESH = """\
apiVersion: weft/v1
kind: Mesh
name: endless
admins: [user:root]
guild: [group:guild]
users: {ana: {groups: [team]}, noor: {groups: [analysts]}}
purposes: {reporting: Internal figures}
sources: {roots: [data/]}
"""
DOMAIN = "apiVersion: weft/v1\nkind: Domain\nname: soak\nowners: [user:ana]\nmembers: [group:team]\n"
PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: soak-NAME
version: 1.0.0
status: active
description: {purpose: As the generator made it.}
inputPorts: [{name: INPUT, version: 1.0.0, contractId: CONTRACT}]
outputPorts: [{name: NAME, version: 1.0.0, contractId: NAME}]
"""
CONTRACT = "apiVersion: v3.1.0\nkind: DataContract\nid: ID\nversion: 1.0.0\nstatus: active\n"
SERVER = "servers: [{server: files, type: local, path: data/NAME.csv, format: csv}]\n"
KEY = "      - {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: PRIMARY}\n"
BATCH = "      - {name: batch, logicalType: integer, physicalType: BIGINT, required: true}\n"
MARK = "      - {name: mark, logicalType: string, required: true}\n"
COLUMNS = {
    "batches": KEY + BATCH + MARK + "      - {name: email, logicalType: string, classification: pii}\n"
                                    "      - {name: amount, logicalType: number, physicalType: \"DECIMAL(12,2)\"}\n",
    "checked": KEY + BATCH + MARK + "      - {name: country, logicalType: stringRULE}\n",
    "ledger": KEY + BATCH + MARK + "      - {name: changed, logicalType: timestamp, physicalType: TIMESTAMP, required: true}\n",
    "totals": BATCH + "      - {name: n, logicalType: integer, physicalType: BIGINT}\n"
                      "      - {name: total, logicalType: number, physicalType: \"DECIMAL(18,2)\"}\n",
}
RULE = (", quality: [{id: country-known, metric: invalidValues, arguments: {validValues: [CH, DE, AT]}, mustBe: 0, "
        "customProperties: [{property: onFailure, value: quarantine}]}]")
TABLE = {
    "batches": "", "totals": "",
    "checked": "    customProperties: [{property: quarantineMost, value: 1000}]\n",
    "ledger": "    customProperties:\n      - {property: materialization, value: incremental}\n"
              "      - {property: incremental, value: {mode: merge, key: changed}}\n",
}
SQL = {
    "batches": "SELECT id, batch, mark, email, amount FROM files.raw\n",
    "checked": "SELECT id, batch, mark, country FROM files.raw\n",
    "ledger": "SELECT id, batch, mark, changed FROM files.raw WHERE changed > $since\n",
    "totals": "SELECT batch, count(*) AS n, sum(amount)::DECIMAL(18,2) AS total FROM batches.batches GROUP BY batch\n",
}
HEADS = {"batches": "id,batch,mark,email,amount", "checked": "id,batch,mark,country", "ledger": "id,batch,mark,changed"}
POLICY = "apiVersion: weft/v1\nkind: Policy\nid: NAME\ndescription: Soak.\nowner: guild\n"


def policy(mesh, name, text):
    mesh.write(f"policies/{name}.policy.yaml", POLICY.replace("NAME", name) + text + "\n")


def mask(mesh, number):
    """Masks that differ, so that copies are made anew."""
    how = ('{method: "null"}', "{method: partial, keepLast: 4}", "{method: hash}")[number % 3]
    policy(mesh, "mask", f"mask: {{columns: {{classification: [pii]}}, with: {how}}}")


def write_mesh(mesh):
    mesh.write("mesh.yaml", MESH)
    mesh.write("domains/soak/domain.yaml", DOMAIN)
    for name, columns in COLUMNS.items():
        folder, source = f"domains/soak/{name}", name != "totals"
        product = PRODUCT.replace("NAME", name)
        product = product.replace("INPUT", "files").replace("CONTRACT", f"{name}-files") if source else (
            product.replace("INPUT", "batches").replace("CONTRACT", "batches"))
        mesh.write(f"{folder}/product.odps.yaml", product)
        if source:
            mesh.write(f"{folder}/files.odcs.yaml", CONTRACT.replace("ID", f"{name}-files") + SERVER.replace("NAME", name) +
                       "schema:\n  - name: raw\n    properties:\n" + columns.replace("RULE", "").replace("PRIMARY", "false"))
        mesh.write(f"{folder}/{name}.odcs.yaml", CONTRACT.replace("ID", name) + f"schema:\n  - name: {name}\n" + TABLE[name] +
                   "    properties:\n" + columns.replace("RULE", RULE).replace("PRIMARY", "true"))
        mesh.write(f"{folder}/{name}.sql", SQL[name])
        who = "groups: [analysts]" + (", products: [soak.totals]" if name == "batches" else "")
        policy(mesh, f"read-{name}", f"grant: {{contract: {name}, role: reader, to: {{{who}}}}}")
    mask(mesh, 0)


def put(mesh, name, rows):
    """Whole or not there: a run may read while the next batch comes."""
    draft = mesh.write(f"data/.{name}.draft", HEADS[name] + "\n" + "".join(",".join(row) + "\n" for row in rows))
    draft.rename(mesh.folder / f"data/{name}.csv")
