#include "catalog_help.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf/buf.h"
#include "document/document.h"
#include "mesh_state/mesh_state.h"
#include "product/product.h"
#include "release/release_candidate.h"
#include "run_row/run_row.h"
#include "user/user.h"

static void catalog_end(void *handle)
{
    struct catalog *c = handle;
    metadb_close(c->db);
    DIR *folder = opendir(c->folder);
    if (folder == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    (void)rmdir(c->folder);
}

struct catalog *catalog_help_open(void)
{
    struct task *t = test_task();
    struct catalog *c = ARENA_NEW(t->mem, struct catalog);
    c->t = t;
    c->actor = (struct actor){.kind = ACTOR_USER, .name = STR("ana"), .purpose = STR("reporting")};
    t->actor = &c->actor;
    snprintf(c->folder, sizeof c->folder, "/tmp/weft-catalog-XXXXXX");
    if (mkdtemp(c->folder) == NULL)
        return NULL;
    arena_defer(t->mem, catalog_end, c);
    c->db = catalog_help_database(c, "catalog.db", METADB_CATALOG);
    if (c->db == NULL
        || !test_expect_ok(t,
                           metadb_migrate(t, c->db, embedded_migrations, embedded_migrations_len),
                           "migrate", __FILE__, __LINE__))
        return NULL;
    return c;
}

str catalog_help_path(struct catalog *c, const char *name)
{
    return arena_format(c->t->mem, "%s/%s", c->folder, name);
}

struct metadb *catalog_help_database(struct catalog *c, const char *name, enum metadb_kind kind)
{
    struct metadb *db = NULL;
    bool ok = metadb_open(c->t, catalog_help_path(c, name), kind, &db);
    return test_expect_ok(c->t, ok, "metadb_open", __FILE__, __LINE__) ? db : NULL;
}

const char CATALOG_HELP_COLUMNS[] =
    "      - {name: id, logicalType: integer, physicalType: BIGINT, primaryKey: true, "
    "primaryKeyPosition: 1}\n"
    "      - {name: email, logicalType: string, classification: pii, tags: [contact]}\n";

static const char MESH[] = "apiVersion: weft/v1\n"
                           "kind: Mesh\n"
                           "name: bazaar\n"
                           "admins: [user:root]\n"
                           "guild: [group:guild]\n"
                           "users:\n"
                           "  ana: {groups: [sales-team]}\n"
                           "  noor: {groups: [analysts], attributes: {regions: [CH]}}\n"
                           "purposes: {reporting: Internal figures}\n"
                           "sources: {roots: [data/]}\n";

static const char DOMAIN[] = "apiVersion: weft/v1\n"
                             "kind: Domain\n"
                             "name: sales\n"
                             "title: Sales\n"
                             "alignment: source\n"
                             "owners: [user:ana]\n"
                             "members: [group:sales-team]\n";

static const char PRODUCT[] = "apiVersion: v1.0.0\n"
                              "kind: DataProduct\n"
                              "id: orders-product\n"
                              "name: orders\n"
                              "version: 1.0.0\n"
                              "status: active\n"
                              "domain: sales\n"
                              "inputPorts:\n"
                              "  - {name: shop, version: 1.0.0, contractId: shop-source}\n"
                              "outputPorts:\n"
                              "  - {name: orders, version: 1.0.0, contractId: orders-contract}\n";

static const char SERVERS[] =
    "servers:\n"
    "  - {server: files, type: local, path: data/orders.csv, format: csv}\n";

static void add_file(struct catalog *c, struct bundle *bundle, const char *path, str text)
{
    vec_push(c->t->mem, bundle, ((struct bundle_file){.path = str_of(path), .text = text}));
}

struct apply {
    struct bundle bundle;
    struct model *model;
};

static bool apply(struct task *t, struct metadb *db, void *state)
{
    struct apply *a = state;
    struct mesh_state now;
    struct bundle before;
    return document_load(t, t->mem, db, &before) && mesh_state_get(t, db, &now)
        && mesh_state_apply(t, db, now.mesh_version, true, &now)
        && document_replace(t, db, &before, &a->bundle)
        && product_assign_ids(t, db, a->model, NULL, now.image_version)
        && user_sync(t, db, a->model);
}

bool catalog_help_apply(struct catalog *c, const char *properties)
{
    struct task *t = c->t;
    struct apply a = {0};
    add_file(c, &a.bundle, "domains/sales/domain.yaml", str_of(DOMAIN));
    struct buf *b = buf_new(t->mem, 65536);
    buf_add(b, str_of("apiVersion: v3.1.0\nkind: DataContract\nid: orders-contract\nname: "
                      "orders\nversion: 1.0.0\n"
                      "status: active\nslaProperties: [{property: freshness, value: 1, unit: d}]\n"
                      "schema:\n  - name: orders\n    tags: [money]\n    properties:\n"));
    buf_add(b, str_of(properties));
    add_file(c, &a.bundle, "domains/sales/orders/orders.odcs.yaml", buf_str(b));
    add_file(c, &a.bundle, "domains/sales/orders/product.odps.yaml", str_of(PRODUCT));
    b = buf_new(t->mem, 65536);
    buf_add(
        b,
        str_of(
            "apiVersion: v3.1.0\nkind: DataContract\nid: shop-source\nname: shop\nversion: 1.0.0\n"
            "status: active\n"));
    buf_add(b, str_of(SERVERS));
    buf_add(b, str_of("schema:\n  - name: orders\n    properties:\n"));
    buf_add(b, str_of(properties));
    add_file(c, &a.bundle, "domains/sales/orders/shop.odcs.yaml", buf_str(b));
    add_file(c, &a.bundle, "mesh.yaml", str_of(MESH));

    struct report report;
    report_init(&report, t->mem);
    if (!document_parse(t, t->mem, &a.bundle, &report))
        return false;
    a.model = model_compile(t->mem, &a.bundle, &report);
    if (report.errors > 0) {
        b = buf_new(t->mem, 65536);
        report_text(&report, b);
        return task_fail(t, ERR_INVALID, "the mesh of the test: " STR_FMT, STR_ARG(buf_str(b)));
    }
    return metadb_write(t, c->db, apply, &a);
}

struct publication {
    struct release_manifest manifest;
    uint64_t number;
    bool is_candidate;
};

static bool publish(struct task *t, struct metadb *db, void *state)
{
    struct publication *p = state;
    struct run_row run = {.id = p->manifest.run_id,
                          .product_id = p->manifest.product_id,
                          .state = RUN_PUBLISHING,
                          .step = STR("publish"),
                          .requested_by = STR("ana")};
    if (p->is_candidate)
        return run_row_insert(t, db, &run)
            && release_candidate_keep(t, db, &p->manifest, 1700000000000000, STR("reads"),
                                      STR("ana"))
            && run_row_end(t, db, run.id, RUN_CANDIDATE, STR_NONE, 3, 0);
    return run_row_insert(t, db, &run)
        && release_publish(t, db, &p->manifest, 1700000000000000, &p->number)
        && run_row_end(t, db, run.id, RUN_PUBLISHED, STR_NONE, 3, p->number);
}

static bool bring(struct catalog *c, const struct image *image, uint64_t previous,
                  const char *sha256, bool is_candidate, uint64_t *number_out)
{
    struct arena *mem = c->t->mem;
    const struct image_product *product = image_find_product(image, STR("sales"), STR("orders"));
    if (product == NULL)
        return task_fail(c->t, ERR_INTERNAL, "the image lacks the product");
    struct publication p = {.is_candidate = is_candidate,
                            .manifest = {.product_id = product->id,
                                         .previous = previous,
                                         .contracts = STR("{\"orders-contract\":\"1.0.0\"}"),
                                         .compiled_digest = STR("digest")}};
    p.manifest.run_id = arena_format(mem, "run-%s-%llu", sha256, (unsigned long long)previous);
    vec_push(mem, &p.manifest.inputs,
             ((struct release_input){.name = STR("shop"), .description = STR("data/orders.csv")}));
    struct image_table *table = vec_add(mem, &p.manifest.tables);
    *table = product->tables.at[0];
    table->rows = 3;
    memset(&table->files, 0, sizeof table->files);
    struct image_file *file = vec_add(mem, &table->files);
    file->sha256 =
        arena_format(mem, "%.*s%s", (int)(64 - strlen(sha256)),
                     "0000000000000000000000000000000000000000000000000000000000000000", sha256);
    file->rows = 3;
    file->bytes = 100;
    for (size_t i = 0; i < table->columns.len; i++)
        vec_push(mem, &file->columns, table->columns.at[i].id);
    struct image_fact *fact = vec_add(mem, &file->facts);
    *fact = (struct image_fact){
        .column_id = 1, .has_range = true, .low = STR(""), .high = STR("9"), .nulls = 1};
    fact->has_values = true;
    vec_push(mem, &fact->values, STR(""));
    vec_push(mem, &fact->values, STR("a\"b:1"));
    vec_push(mem, &fact->values, STR("x\0y"));
    vec_push(mem, &p.manifest.edges,
             ((struct release_edge){.table_id = table->id,
                                    .column_id = table->columns.at[0].id,
                                    .input_port = STR("shop"),
                                    .input_table = STR("orders"),
                                    .input_column = STR("id"),
                                    .kind = STR("IDENTITY"),
                                    .carries = true}));
    if (!metadb_write(c->t, c->db, publish, &p))
        return false;
    *number_out = p.number;
    return true;
}

bool catalog_help_publish(struct catalog *c, const struct image *image, uint64_t previous,
                          const char *sha256, uint64_t *number_out)
{
    return bring(c, image, previous, sha256, false, number_out);
}

bool catalog_help_hold(struct catalog *c, const struct image *image, uint64_t previous,
                       const char *sha256)
{
    uint64_t number;
    return bring(c, image, previous, sha256, true, &number);
}
