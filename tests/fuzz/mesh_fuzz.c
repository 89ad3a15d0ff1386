/* One file of a mesh, in the place of another or beside the others: a model, or findings. Input: the file's path, a line feed, its text. */
#include <stdint.h>
#include <stdlib.h>

#include "buf/buf.h"
#include "model/model.h"
#include "model/model_case.h"
#include "yaml/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct {
    const char *path, *text;
} files[] = {
    {"domains/sales/domain.yaml",
     "apiVersion: weft/v1\nkind: Domain\nname: sales\nowners: [user:ana]\n"},
    {"domains/sales/orders/orders.odcs.yaml",
     "apiVersion: v3.1.0\nkind: DataContract\nid: orders\nversion: 1.0.0\nstatus: active\nschema:\n"
     "  - name: orders\n    properties:\n"
     "      - {name: id, logicalType: integer, primaryKey: true, required: true}\n"
     "      - {name: email, logicalType: string, classification: pii}\n"},
    {"domains/sales/orders/orders.sql", "SELECT id, email FROM shop.raw\n"},
    {"domains/sales/orders/product.odps.yaml",
     "apiVersion: v1.0.0\nkind: DataProduct\nid: sales-orders\nversion: 1.0.0\nstatus: active\n"
     "inputPorts: [{name: shop, version: 1.0.0, contractId: shop}]\n"
     "outputPorts: [{name: orders, version: 1.0.0, contractId: orders}]\n"},
    {"domains/sales/orders/shop.odcs.yaml",
     "apiVersion: v3.1.0\nkind: DataContract\nid: shop\nversion: 1.0.0\nstatus: active\n"
     "servers: [{server: f, type: local, path: data/orders.csv, format: csv}]\nschema:\n"
     "  - name: raw\n    properties:\n      - {name: id, logicalType: integer}\n"
     "      - {name: email, logicalType: string}\n"},
    {"mesh.yaml", "apiVersion: weft/v1\nkind: Mesh\nname: acme\nadmins: [user:root]\n"
                  "users: {ana: {groups: [team]}}\nsources: {roots: [data/]}\n"},
};

static void add(struct task *t, struct bundle *bundle, str path, str text)
{
    struct tree *tree = NULL;
    if (str_ends(path, STR(".yaml")) && !yaml_read(t, t->mem, text, path, YAML_MODE_YAML, &tree)) {
        task_clear_error(t);
        tree = NULL;
    }
    vec_push(t->mem, bundle, ((struct bundle_file){.path = path, .text = text, .document = tree}));
}

static int by_path(const void *left, const void *right)
{
    return str_compare(((const struct bundle_file *)left)->path,
                       ((const struct bundle_file *)right)->path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct task *t = task_new();
    str path, text;
    struct bundle bundle = {0};
    struct report report;

    (void)str_cut((str){(const char *)data, len}, '\n', &path, &text);
    report_init(&report, t->mem);
    if (path.len > 0 && path.len < 200 && str_is_utf8(path) && !str_has(path, '\0')) {
        for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
            if (!str_eq(path, str_of(files[i].path)))
                add(t, &bundle, str_of(files[i].path), str_of(files[i].text));
        add(t, &bundle, path, text);
        qsort(bundle.at, bundle.len, sizeof *bundle.at, by_path);
        const struct model *model = model_compile(t->mem, &bundle, &report);
        if (model)
            model_check_pins(model, &report);
        report_sort(&report);
        report_text(&report, buf_new(t->mem, 1 << 22));
    }
    task_free(t);
    return 0;
}
