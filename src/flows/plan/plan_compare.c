#include <stdlib.h>

#include "buf/buf.h"
#include "document/document.h"
#include "limits/limits.h"
#include "plan_inside.h"

/* Anything that a plan may name, with what it says: equal contents, no change. */
struct plan_object {
    str kind, name, file;
    str content;
    str word; /* what is told when it changes: the type of a column, the schedule of a product */
};

struct plan_objects {
    struct arena *mem;
    VEC_OF(struct plan_object)
};

static void plan_add(struct plan_objects *out, const char *kind, str name, str file, str content)
{
    vec_push(out->mem, out,
             ((struct plan_object){
                 .kind = str_of(kind), .name = name, .file = file, .content = content}));
}

static str plan_json(struct arena *mem, const struct tree *tree)
{
    struct buf *b = buf_new(mem, BUNDLE_BYTES_MAX);

    if (tree != NULL) {
        tree_json(tree, b);
    }
    return buf_str(b);
}

/* A map without one of its keys: what stands below that key is an object of its own. */
static str plan_json_without(struct arena *mem, const struct tree *map, str key)
{
    struct buf *b = buf_new(mem, BUNDLE_BYTES_MAX);

    for (size_t i = 0; map != NULL && i < map->len; i++) {
        if (!str_eq(map->at[i]->key, key)) {
            buf_add_json(b, map->at[i]->key);
            tree_json(map->at[i], b);
        }
    }
    return buf_str(b);
}

static void plan_add_files(struct plan_objects *out, const struct bundle *bundle,
                           const struct str_list *changed)
{
    for (size_t i = 0; i < changed->len; i++) {
        const struct bundle_file *file = bundle_find(bundle, changed->at[i]);
        str folder, name;

        if (file == NULL) {
            continue;
        }
        (void)str_cut_last(file->path, '/', &folder, &name);
        str content = file->document != NULL ? plan_json(out->mem, file->document) : file->text;
        if (str_eq(file->path, STR("mesh.yaml"))) {
            plan_add(out, "mesh", STR("mesh.yaml"), file->path, content);
        } else if (str_eq(name, STR("domain.yaml"))) {
            plan_add(out, "domain", str_from(folder, sizeof("domains/") - 1), file->path, content);
        } else if (plan_is_policy(name)) {
            plan_add(out, "policy", tree_find_text(file->document, STR("id")), file->path, content);
        } else if (!str_ends(name, STR(".odps.yaml")) && !str_ends(name, STR(".odcs.yaml"))
                   && !str_ends(name, STR(".sql"))) {
            plan_add(out, "file", file->path, file->path, content);
        }
    }
}

static void plan_add_table(struct plan_objects *out, str product, const struct contract *contract,
                           const struct contract_table *table)
{
    str name = model_table_address(out->mem, product, table->name);

    plan_add(out, "table", name, contract->file,
             plan_json_without(out->mem, table->source, STR("properties")));
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct contract_column *column = &table->columns.at[i];

        plan_add(out, "column",
                 arena_format(out->mem, "%.*s.%.*s", STR_ARG(name), STR_ARG(column->name)),
                 contract->file, plan_json(out->mem, column->source));
        out->at[out->len - 1].word = column->type;
    }
}

static void plan_add_contract(struct plan_objects *out, str product,
                              const struct contract *contract, bool is_output)
{
    str name = arena_format(out->mem, "%.*s:%.*s", STR_ARG(product), STR_ARG(contract->id));

    plan_add(out, "contract", name, contract->file,
             plan_json_without(out->mem, contract->source, STR("schema")));
    for (size_t i = 0; i < contract->tables.len; i++) {
        if (is_output) {
            plan_add_table(out, product, contract, &contract->tables.at[i]);
        } else {
            plan_add(out, "source",
                     arena_format(out->mem, "%.*s:%.*s", STR_ARG(name),
                                  STR_ARG(contract->tables.at[i].name)),
                     contract->file, plan_json(out->mem, contract->tables.at[i].source));
        }
    }
}

static void plan_add_product(struct plan_objects *out, const struct model_product *product,
                             const struct bundle *bundle)
{
    str address = product->address;
    const struct bundle_file *file = bundle_find(bundle, product->file);

    if (file != NULL) {
        plan_add(out, "product", address, product->file, plan_json(out->mem, file->document));
        out->at[out->len - 1].word = product->schedule.text;
    }
    for (size_t i = 0; i < product->inputs.len; i++) {
        if (product->inputs.at[i].producer == NULL && product->inputs.at[i].contract != NULL) {
            plan_add_contract(out, address, product->inputs.at[i].contract, false);
        }
    }
    for (size_t i = 0; i < product->outputs.len; i++) {
        plan_add_contract(out, address, product->outputs.at[i].contract, true);
    }
    for (size_t i = 0; i < product->sqls.len; i++) {
        const struct model_sql *sql = &product->sqls.at[i];

        plan_add(out, "sql",
                 sql->is_internal ? arena_format(out->mem, "%.*s.self.%.*s", STR_ARG(address),
                                                 STR_ARG(sql->table))
                                  : model_table_address(out->mem, address, sql->table),
                 sql->path, sql->text);
    }
}

static int plan_compare_objects(const void *a, const void *b)
{
    const struct plan_object *x = a, *y = b;
    int order = str_compare(x->kind, y->kind);

    return order ? order : str_compare(x->name, y->name);
}

/* What both have is left out: files that say the same, and products that are the same to the models. */
static void plan_collect(struct arena *mem, const struct bundle *bundle, const struct model *model,
                         const struct model *other, const struct str_list *changed,
                         struct plan_objects *out)
{
    static const struct model nothing = {0};
    struct model_pair pair;
    size_t at[2] = {0};

    *out = (struct plan_objects){.mem = mem};
    if (model == NULL) {
        return;
    }
    plan_add_files(out, bundle, changed);
    while (model_next_pair(model, other != NULL ? other : &nothing, at, &pair)) {
        if (pair.before != NULL) {
            plan_add_product(out, pair.before, bundle);
        }
    }
    if (out->len > 0) {
        qsort(out->at, out->len, sizeof(*out->at), plan_compare_objects);
    }
}

static void plan_change(struct task *t, struct plan *p, enum plan_action action,
                        const struct plan_object *object, str detail)
{
    vec_push(t->mem, &p->changes,
             ((struct plan_change){.action = action,
                                   .kind = object->kind,
                                   .name = object->name,
                                   .file = object->file,
                                   .detail = detail}));
}

static str plan_detail_of(struct arena *mem, const struct plan_object *old,
                          const struct plan_object *new)
{
    bool is_column = str_eq(new->kind, STR("column"));

    if (str_eq(old->word, new->word)) {
        return STR_NONE;
    }
    return arena_format(mem, "%s %.*s -> %.*s", is_column ? "type" : "schedule",
                        STR_ARG(old->word.len > 0 ? old->word : STR("none")),
                        STR_ARG(new->word.len > 0 ? new->word : STR("none")));
}

bool plan_compare(struct task *t, const struct bundle *before, const struct model *model_before,
                  const struct bundle *now, const struct model *model_now, struct plan *p)
{
    struct plan_objects old, new;
    struct str_list changed = {0};
    size_t i = 0, j = 0;

    plan_find_changed(t->mem, before, now, &changed);
    plan_collect(t->mem, before, model_before, model_now, &changed, &old);
    plan_collect(t->mem, now, model_now, model_before, &changed, &new);
    while (i < old.len || j < new.len) {
        int order = i == old.len ? 1
                  : j == new.len ? -1
                                 : plan_compare_objects(&old.at[i], &new.at[j]);

        if (order < 0) {
            plan_change(t, p, PLAN_REMOVED, &old.at[i], STR_NONE);
        } else if (order > 0) {
            plan_change(t, p, PLAN_ADDED, &new.at[j], STR_NONE);
        } else if (!str_eq(old.at[i].content, new.at[j].content)) {
            plan_change(t, p, PLAN_CHANGED, &new.at[j],
                        plan_detail_of(t->mem, &old.at[i], &new.at[j]));
        }
        i += order <= 0;
        j += order >= 0;
    }
    return task_go_on(t);
}

void plan_find_changed(struct arena *mem, const struct bundle *before, const struct bundle *after,
                       struct str_list *out)
{
    struct bundle_pair pair;
    size_t at[2] = {0};

    while (bundle_next_pair(before, after, at, &pair)) {
        vec_push(mem, out, pair.path);
    }
}
