/* manifest.json of dbt (v10 to v12) to the folder of a domain.
 *
 * A model belongs to the product of its group, or to one of its own. It is a table of that product where all of its columns have a
 * data_type; else it is an internal table of each product that reads it. Sources and seeds become source contracts of the products that
 * read them. */
#include "exchange/exchange_from_dbt.h"
#include "exchange/exchange_lexer.h"
#include "shape/shape.h"
#include "shape/shape_names.h"

static bool read_version(struct dbt_reader *r);
static void read_nodes(struct dbt_reader *r);
static void read_tests(struct dbt_reader *r);
static void read_products(struct dbt_reader *r);

bool exchange_import_dbt(struct arena *mem, const struct exchange_import *import,
                         const struct tree *manifest, struct exchange_files *out)
{
    struct dbt_reader r = {
        .mem = mem,
        .import = import,
        .manifest = manifest,
        .out = out,
        .domain = exchange_dbt_name(mem, import->id),
    };
    exchange_build_begin(&r.left, mem, import);
    map_init(&r.by_id, mem);
    map_init(&r.by_relation, mem);
    if (!read_version(&r))
        return false;
    read_nodes(&r);
    read_tests(&r);
    read_products(&r);
    if (!r.products.len) {
        struct finding *f = exchange_build_error(&r.left, (struct place){.file = import->file},
                                                 "no model of it becomes a table of a product");
        f->hint =
            STR("give the columns of models that others read a data_type, in their schema.yml");
    }
    bool ok = exchange_dbt_write(&r);
    exchange_build_tell(&r.left);
    return ok && !import->report->errors;
}

static bool read_version(struct dbt_reader *r)
{
    const struct tree *metadata = tree_find(r->manifest, STR("metadata"));
    str version = tree_find_text(metadata, STR("dbt_schema_version"));
    for (int i = 10; i <= 12; i++)
        if (str_ends(version, arena_format(r->mem, "/manifest/v%d.json", i)))
            return true;
    struct finding *f =
        exchange_build_error(&r->left, tree_place(r->mem, r->import->file, r->manifest),
                             "this is no manifest of dbt that weft reads");
    f->found = version;
    f->allowed = STR("metadata.dbt_schema_version of v10, v11 or v12: dbt 1.6 and later");
    f->hint = STR("run `dbt compile`, and take target/manifest.json");
    return false;
}

str exchange_dbt_name(struct arena *mem, str text)
{
    char *name = arena_alloc(mem, NAME_BYTES_MAX + 8);
    size_t len = 0;
    bool is_gap = false;
    for (size_t i = 0; i < text.len && len < NAME_BYTES_MAX - 6; i++) {
        char c = text.ptr[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        bool is_letter = c >= 'a' && c <= 'z';
        if (!is_letter && !(c >= '0' && c <= '9')) {
            is_gap = true;
            continue;
        }
        if (!len && !is_letter)
            name[len++] = 't';
        if (is_gap && len)
            name[len++] = '_';
        is_gap = false;
        name[len++] = c;
    }
    str plain = len ? (str){name, len} : STR("unnamed");
    if (shape_is_reserved(plain)
        || shape_has_word(
            "memory main system temp mesh self information_schema pg_catalog policies", plain))
        return arena_format(mem, STR_FMT "_data", STR_ARG(plain));
    return plain;
}

/* ---- nodes */

static bool has_types(const struct tree *node)
{
    const struct tree *columns = tree_find(node, STR("columns"));
    for (size_t i = 0; columns && columns->kind == TREE_MAP && i < columns->len; i++)
        if (!tree_find_text(columns->at[i], STR("data_type")).len)
            return false;
    return columns && columns->kind == TREE_MAP && columns->len;
}

str exchange_dbt_relation(struct arena *mem, const str *names, size_t len)
{
    struct buf *b = buf_new(mem, DOCUMENT_BYTES_MAX);
    for (size_t i = 0; i < len; i++) {
        buf_add(b, i ? STR("\x1f") : STR_NONE);
        buf_add(b, arena_lower(mem, names[i]));
    }
    return buf_str(b);
}

static struct dbt_node *add_node(struct dbt_reader *r, const struct tree *tree, enum dbt_kind kind)
{
    struct dbt_node *node = ARENA_NEW(r->mem, struct dbt_node);
    str alias = tree_find_text(tree, kind == DBT_SOURCE ? STR("identifier") : STR("alias"));
    str name = tree_find_text(tree, STR("name"));
    *node = (struct dbt_node){
        .tree = tree,
        .id = tree->key,
        .name = exchange_dbt_name(r->mem, name),
        .dbt_name = name,
        .package = tree_find_text(tree, STR("package_name")),
        .database = arena_lower(r->mem, tree_find_text(tree, STR("database"))),
        .schema = arena_lower(r->mem, tree_find_text(tree, STR("schema"))),
        .relation = arena_lower(r->mem, alias.len ? alias : name),
        .kind = kind,
    };
    str names[] = {node->database, node->schema, node->relation};
    vec_push(r->mem, &r->nodes, node);
    map_put(&r->by_id, node->id, node);
    map_put(&r->by_relation, exchange_dbt_relation(r->mem, names, 3), node);
    map_put(&r->by_relation, exchange_dbt_relation(r->mem, names + 1, 2), node);
    return node;
}

static void read_nodes(struct dbt_reader *r)
{
    const struct tree *nodes = tree_find(r->manifest, STR("nodes"));
    const struct tree *sources = tree_find(r->manifest, STR("sources"));
    for (size_t i = 0; nodes && nodes->kind == TREE_MAP && i < nodes->len; i++) {
        const struct tree *one = nodes->at[i];
        str type = tree_find_text(one, STR("resource_type"));
        bool is_model = str_eq(type, STR("model"));
        str how = tree_find_text(tree_find(one, STR("config")), STR("materialized"));
        if (is_model && str_eq(how, STR("ephemeral")))
            continue; /* compiled SQL holds it inside */
        if (is_model && shape_has_word("incremental materialized_view", how))
            exchange_build_left(&r->left, tree_place(r->mem, r->import->file, one),
                                "a model that is " STR_FMT " is built whole here", STR_ARG(how));
        if (is_model)
            add_node(r, one, has_types(one) ? DBT_OUTPUT : DBT_INTERNAL);
        else if (str_eq(type, STR("seed")) || str_eq(type, STR("snapshot"))) {
            struct dbt_node *node = add_node(r, one, DBT_SOURCE);
            node->source_name = arena_format(r->mem, STR_FMT "s", STR_ARG(type));
        } else if (!shape_has_word("test unit_test", type)) {
            exchange_build_left(&r->left, tree_place(r->mem, r->import->file, one),
                                "dbt's " STR_FMT " is left out", STR_ARG(type));
        }
    }
    for (size_t i = 0; sources && sources->kind == TREE_MAP && i < sources->len; i++) {
        struct dbt_node *node = add_node(r, sources->at[i], DBT_SOURCE);
        node->source_name = tree_find_text(sources->at[i], STR("source_name"));
    }
    static const char *const others[] = {"exposures", "metrics", "semantic_models", "saved_queries",
                                         "unit_tests"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const struct tree *map = tree_find(r->manifest, str_of(others[i]));
        if (map && map->len)
            exchange_build_left(&r->left, tree_place(r->mem, r->import->file, map),
                                "%zu of dbt's %s left out", map->len, others[i]);
    }
}

/* ---- tests */

static void read_tests(struct dbt_reader *r)
{
    const struct tree *nodes = tree_find(r->manifest, STR("nodes"));
    for (size_t i = 0; nodes && nodes->kind == TREE_MAP && i < nodes->len; i++) {
        const struct tree *one = nodes->at[i];
        if (!str_eq(tree_find_text(one, STR("resource_type")), STR("test")))
            continue;
        str attached = tree_find_text(one, STR("attached_node"));
        const struct tree *on = tree_find(tree_find(one, STR("depends_on")), STR("nodes"));
        if (!attached.len && on && on->kind == TREE_LIST && on->len)
            attached = on->at[on->len - 1]->text;
        struct dbt_node *node = map_find(&r->by_id, attached);
        if (!node)
            exchange_build_left(&r->left, tree_place(r->mem, r->import->file, one),
                                "a test that belongs to no model is left out");
        else if (node->tests_len < sizeof node->tests / sizeof *node->tests)
            node->tests[node->tests_len++] = one;
        else
            node->tests_untold++;
    }
}

/* ---- products */

static struct dbt_product *product_of(struct dbt_reader *r, str name)
{
    for (size_t i = 0; i < r->products.len; i++)
        if (str_eq(r->products.at[i]->name, name))
            return r->products.at[i];
    struct dbt_product *product = ARENA_NEW(r->mem, struct dbt_product);
    product->name = name;
    vec_push(r->mem, &r->products, product);
    return product;
}

static void describe(struct dbt_reader *r, struct dbt_product *product, str group,
                     const struct dbt_node *node)
{
    const struct tree *groups = tree_find(r->manifest, STR("groups"));
    if (!group.len)
        product->description = tree_find_text(node->tree, STR("description"));
    for (size_t i = 0; group.len && groups && groups->kind == TREE_MAP && i < groups->len; i++)
        if (str_eq(tree_find_text(groups->at[i], STR("name")), group)) {
            const struct tree *owner = tree_find(groups->at[i], STR("owner"));
            product->owner = tree_find_text(owner, STR("name"));
            product->description = tree_find_text(groups->at[i], STR("description"));
        }
}

/* A port of a source is none of a product. */
static void name_sources(struct dbt_reader *r)
{
    for (size_t i = 0; i < r->nodes.len; i++) {
        struct dbt_node *node = r->nodes.at[i];
        if (node->kind != DBT_SOURCE)
            continue;
        node->source = exchange_dbt_name(r->mem, node->source_name);
        for (size_t j = 0; j < r->products.len; j++)
            if (str_eq(r->products.at[j]->name, node->source)) {
                node->source = arena_format(r->mem, STR_FMT "_source", STR_ARG(node->source));
                break;
            }
    }
}

static void read_products(struct dbt_reader *r)
{
    for (size_t i = 0; i < r->nodes.len; i++) {
        struct dbt_node *node = r->nodes.at[i];
        str group = tree_find_text(node->tree, STR("group"));
        if (node->kind != DBT_OUTPUT)
            continue;
        node->product =
            product_of(r, exchange_dbt_name(r->mem, group.len ? group : node->dbt_name));
        vec_push(r->mem, &node->product->outputs, ((struct dbt_table){.node = node}));
        describe(r, node->product, group, node);
    }
    name_sources(r);
    for (size_t i = 0; i < r->products.len; i++) {
        struct dbt_product *product = r->products.at[i];
        for (size_t j = 0; j < product->outputs.len; j++)
            exchange_dbt_rewrite(r, product, &product->outputs.at[j]);
        /* Each may add others. */
        for (size_t j = 0; j < product->internals.len; j++) {
            struct dbt_table table = product->internals.at[j];
            exchange_dbt_rewrite(r, product, &table);
            product->internals.at[j] = table;
        }
    }
}
