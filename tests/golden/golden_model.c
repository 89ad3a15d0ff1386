#include "golden.h"

#include "contract/contract_change.h"
#include "model/model.h"
#include "yaml/yaml.h"

/* What the door of a compiler does: reads what is YAML or JSON, and keeps the error of what is none as a finding. */
static const struct tree *read_tree(struct arena *mem, const struct golden_file *file,
                                    struct report *report)
{
    if (!str_ends(file->path, STR(".yaml")) && !str_ends(file->path, STR(".yml"))
        && !str_ends(file->path, STR(".json")))
        return NULL;
    enum yaml_mode mode = str_ends(file->path, STR(".json")) ? YAML_MODE_JSON : YAML_MODE_YAML;
    struct task *t = task_new();
    struct tree *tree = NULL;
    if (!yaml_read(t, mem, file->text, file->path, mode, &tree)) {
        struct error error = t->err;
        error.message = arena_str(mem, error.message);
        error.detail = arena_str(mem, error.detail);
        error.hint = arena_str(mem, error.hint);
        error.place.file = file->path;
        error.place.path = arena_str(mem, error.place.path);
        report_error(report, &error);
        tree = NULL;
    }
    task_free(t);
    return tree;
}

static void findings(struct report *report, struct buf *out)
{
    report_sort(report);
    report_text(report, out);
}

GOLDEN(document)
{
    struct report report;
    report_init(&report, mem);
    for (size_t i = 0; i < input->files.len; i++) {
        const struct tree *tree = read_tree(mem, &input->files.at[i], &report);
        if (tree)
            model_check_document(mem, input->files.at[i].path, tree, &report);
    }
    findings(&report, out);
    if (!report.len)
        buf_add(out, STR("nothing to say\n"));
}

static void print_contract(struct arena *mem, const struct contract *contract, struct buf *out)
{
    buf_format(out, "contract " STR_FMT " " STR_FMT "\n", STR_ARG(contract->id),
               STR_ARG(contract->version));
    for (size_t i = 0; i < contract->tables.len; i++) {
        const struct contract_table *table = &contract->tables.at[i];
        buf_format(out, "table " STR_FMT " (" STR_FMT ")\n", STR_ARG(table->name),
                   STR_ARG(table->physical_name));
        for (size_t j = 0; j < table->columns.len; j++) {
            const struct contract_column *column = &table->columns.at[j];
            buf_format(out, "  " STR_FMT " " STR_FMT "%s%s", STR_ARG(column->name),
                       STR_ARG(column->type), column->required ? " required" : "",
                       column->unique ? " unique" : "");
            if (column->primary_key)
                buf_format(out, " key %d", column->primary_key);
            if (column->classification.len)
                buf_format(out, " [" STR_FMT "]", STR_ARG(column->classification));
            buf_add(out, STR("\n"));
        }
        for (size_t j = 0; j < table->rules.len; j++) {
            const struct contract_rule *rule = &table->rules.at[j];
            buf_format(out, "  %s " STR_FMT ": " STR_FMT "\n",
                       rule->kind == RULE_TEXT || rule->kind == RULE_CUSTOM ? "remark"
                       : rule->effect == RULE_QUARANTINES                   ? "divert"
                       : rule->effect == RULE_REJECTS                       ? "reject"
                                                                            : "warn  ",
                       STR_ARG(rule->id), STR_ARG(contract_rule_text(mem, rule)));
        }
    }
    for (size_t i = 0; i < contract->servers.len; i++)
        buf_format(out, "server " STR_FMT " " STR_FMT "\n", STR_ARG(contract->servers.at[i].name),
                   STR_ARG(contract->servers.at[i].type));
}

GOLDEN(contract)
{
    struct report report;
    report_init(&report, mem);
    for (size_t i = 0; i < input->files.len; i++) {
        const struct tree *tree = read_tree(mem, &input->files.at[i], &report);
        const struct contract *contract =
            tree ? contract_read(mem, input->files.at[i].path, tree, &report) : NULL;
        findings(&report, out);
        if (contract && !report.errors)
            print_contract(mem, contract, out);
    }
}

static void print_model(struct arena *mem, const struct model *model, struct buf *out)
{
    buf_format(out, "mesh " STR_FMT "\n", STR_ARG(model->mesh.name));
    for (size_t i = 0; i < model->domains.len; i++)
        buf_format(out, "domain " STR_FMT " owned by " STR_FMT "\n",
                   STR_ARG(model->domains.at[i]->name),
                   STR_ARG(str_list_join(mem, &model->domains.at[i]->owners, STR(", "))));
    for (size_t i = 0; i < model->products.len; i++) {
        const struct model_product *product = model->products.at[i];
        buf_format(out, "product " STR_FMT "." STR_FMT " " STR_FMT "\n",
                   STR_ARG(product->domain->name), STR_ARG(product->name),
                   STR_ARG(product->visibility));
        if (product->schedule.text.len)
            buf_format(out, "  runs at " STR_FMT "%s\n", STR_ARG(product->schedule.text),
                       product->schedule.on_release ? ", and by releases" : "");
        for (size_t j = 0; j < product->inputs.len; j++) {
            const struct model_input *from = &product->inputs.at[j];
            buf_format(out, "  reads " STR_FMT ": " STR_FMT " " STR_FMT "%s" STR_FMT "\n",
                       STR_ARG(from->name), STR_ARG(from->contract->id),
                       STR_ARG(from->contract->version), from->producer ? " of " : " (source)",
                       STR_ARG(from->producer ? from->producer->name : STR_NONE));
        }
        for (size_t j = 0; j < product->outputs.len; j++)
            buf_format(out, "  gives " STR_FMT ": " STR_FMT " " STR_FMT "\n",
                       STR_ARG(product->outputs.at[j].name),
                       STR_ARG(product->outputs.at[j].contract->id),
                       STR_ARG(product->outputs.at[j].contract->version));
        for (size_t j = 0; j < product->sqls.len; j++)
            buf_format(out, "  makes %s" STR_FMT "\n",
                       product->sqls.at[j].is_internal ? "self." : "",
                       STR_ARG(product->sqls.at[j].table));
    }
    for (size_t i = 0; i < model->policies.len; i++)
        buf_format(out, "policy " STR_FMT "\n", STR_ARG(model->policies.at[i].id));
}

/* A whole mesh is long, and a case is about one line of it: a first file `BASE` stands for a small one that is right. The
 * files of the case replace those of the same path; one that holds only `absent` takes it away. */
static const struct golden_file base_files[] = {
#define FILE_OF(path, text)                                                                        \
    {                                                                                              \
        {path, sizeof(path) - 1},                                                                  \
        {                                                                                          \
            text, sizeof(text) - 1                                                                 \
        }                                                                                          \
    }
    FILE_OF("domains/customers/domain.yaml",
            "apiVersion: weft/v1\nkind: Domain\nname: customers\nalignment: source\n"
            "owners: [user:ana]\n"),
    FILE_OF("domains/customers/profiles/crm.odcs.yaml",
            "apiVersion: v3.1.0\nkind: DataContract\nid: crm\nversion: 1.0.0\nstatus: active\n"
            "servers: [{server: files, type: local, path: data/crm.csv, format: csv}]\n"
            "schema:\n- name: clients\n  properties: [{name: id, physicalType: bigint}]\n"),
    FILE_OF("domains/customers/profiles/product.odps.yaml",
            "apiVersion: v1.0.0\nkind: DataProduct\nid: profiles\nstatus: active\n"
            "inputPorts: [{name: crm, version: 1.0.0, contractId: crm}]\n"
            "outputPorts: [{name: profiles, version: 1.0.0, contractId: profiles}]\n"),
    FILE_OF("domains/customers/profiles/profiles.odcs.yaml",
            "apiVersion: v3.1.0\nkind: DataContract\nid: profiles\nversion: 1.0.0\nstatus: active\n"
            "schema:\n- name: persons\n  properties: [{name: id, physicalType: bigint}]\n"),
    FILE_OF("domains/customers/profiles/persons.sql", "SELECT id FROM crm.clients\n"),
    FILE_OF("domains/marketing/domain.yaml",
            "apiVersion: weft/v1\nkind: Domain\nname: marketing\nalignment: consumer\n"
            "owners: [user:noor]\n"),
    FILE_OF("domains/marketing/segments/product.odps.yaml",
            "apiVersion: v1.0.0\nkind: DataProduct\nid: segments\nstatus: active\n"
            "inputPorts: [{name: profiles, version: v1.0.0, contractId: profiles}]\n"
            "outputPorts: [{name: segments, version: 1.0.0, contractId: segments}]\n"),
    FILE_OF("domains/marketing/segments/segments.odcs.yaml",
            "apiVersion: v3.1.0\nkind: DataContract\nid: segments\nversion: 1.0.0\nstatus: active\n"
            "schema:\n- name: persons\n  properties: [{name: id, physicalType: bigint}]\n"),
    FILE_OF("mesh.yaml", "apiVersion: weft/v1\nkind: Mesh\nname: shop\nadmins: [user:root]\n"
                         "sources: {roots: [data/], hosts: [\"127.0.0.1:5432\"]}\n"),
#undef FILE_OF
};

static int by_path(const void *left, const void *right)
{
    return str_compare(((const struct bundle_file *)left)->path,
                       ((const struct bundle_file *)right)->path);
}

static void add_file(struct arena *mem, struct bundle *bundle, const struct golden_file *file,
                     struct report *report)
{
    struct bundle_file *target = NULL;
    for (size_t i = 0; i < bundle->len; i++)
        if (str_eq(bundle->at[i].path, file->path))
            target = &bundle->at[i];
    if (str_eq(str_trim(file->text), STR("absent"))) {
        if (target)
            *target = bundle->at[--bundle->len];
        return;
    }
    if (!target)
        target = vec_add(mem, bundle);
    *target = (struct bundle_file){
        .path = file->path, .text = file->text, .document = read_tree(mem, file, report)};
}

GOLDEN(model)
{
    struct report report;
    struct bundle bundle = {0};
    report_init(&report, mem);
    for (size_t i = 0; i < input->files.len; i++) {
        if (!str_eq(input->files.at[i].path, STR("BASE"))) {
            add_file(mem, &bundle, &input->files.at[i], &report);
            continue;
        }
        for (size_t j = 0; j < sizeof base_files / sizeof *base_files; j++)
            add_file(mem, &bundle, &base_files[j], &report);
    }
    if (bundle.len)
        qsort(bundle.at, bundle.len, sizeof *bundle.at, by_path);
    const struct model *model = model_compile(mem, &bundle, &report);
    model_check_pins(model, &report);
    findings(&report, out);
    if (!report.errors)
        print_model(mem, model, out);
}

static const struct contract *read_version(struct arena *mem, const struct golden_file *file,
                                           struct report *report)
{
    const struct tree *tree = read_tree(mem, file, report);
    return tree ? contract_read(mem, file->path, tree, report) : NULL;
}

/* before.odcs.yaml and now.odcs.yaml, or one of them. */
GOLDEN(changes)
{
    const struct contract *before = NULL, *now = NULL;
    struct contract_changes changes = {0};
    struct report report;
    report_init(&report, mem);
    for (size_t i = 0; i < input->files.len; i++) {
        const struct golden_file *file = &input->files.at[i];
        if (str_starts(file->path, STR("before")))
            before = read_version(mem, file, &report);
        else
            now = read_version(mem, file, &report);
    }
    if (report.errors || (!before && !now)) {
        findings(&report, out);
        return;
    }
    contract_compare(mem, before, now, &changes);
    for (size_t i = 0; i < changes.len; i++) {
        const struct contract_change *change = &changes.at[i];
        buf_format(out, "%-13s %u: " STR_FMT "\n",
                   contract_change_class_name(contract_change_class(change->kind)),
                   change->place.line, STR_ARG(contract_change_text(mem, change)));
    }
    if (!changes.len)
        buf_add(out, STR("no change\n"));
}

/* Lines of a type, or of `from -> to`. */
GOLDEN(types)
{
    for (size_t i = 0; i < input->files.len; i++) {
        str rest = input->files.at[i].text, line;
        while (rest.len) {
            str_cut(rest, '\n', &line, &rest);
            line = str_trim(line);
            size_t arrow = str_find(line, STR(" -> "));
            if (!line.len)
                continue;
            if (arrow < line.len) {
                bool widens = contract_type_widens(str_trim(str_sub(line, 0, arrow)),
                                                   str_trim(str_from(line, arrow + 4)));
                buf_format(out, STR_FMT ": %s\n", STR_ARG(line), widens ? "widens" : "loses");
                continue;
            }
            str canonical = contract_type_canonical(mem, line);
            buf_format(out, STR_FMT ": " STR_FMT "\n", STR_ARG(line),
                       STR_ARG(canonical.len ? canonical : STR("(unknown)")));
        }
    }
}
