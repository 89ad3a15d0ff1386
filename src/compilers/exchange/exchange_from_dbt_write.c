/* What was read of a manifest, as files of a domain. */
#include "exchange/exchange_from_dbt.h"
#include "shape/shape.h"
#include "yaml_out/yaml_out.h"

static void add_file(struct dbt_reader *r, str path, str text)
{
    for (size_t i = 0; i < r->out->len; i++)
        if (str_eq(r->out->at[i].path, path)) {
            struct finding *f =
                exchange_build_error(&r->left, (struct place){.file = r->import->file},
                                     "two tables would be the file " STR_FMT, STR_ARG(path));
            f->hint =
                STR("names differ by more than case and signs; NAME_rows is what NAME is made of");
            return;
        }
    vec_push(r->mem, r->out, ((struct exchange_file){.path = path, .text = text}));
}

static void add_yaml(struct dbt_reader *r, str path, const struct tree *tree, const char *head)
{
    struct buf *b = buf_new(r->mem, DOCUMENT_BYTES_MAX);
    struct yaml_out_notes notes;
    yaml_out_notes_init(&notes, r->mem);
    if (head)
        yaml_out_note(r->mem, &notes, tree, str_of(head));
    yaml_out(b, tree, &notes);
    if (b->full)
        exchange_build_error(&r->left, (struct place){.file = r->import->file},
                             STR_FMT
                             " cannot be written: it is too long, or a text of it is no UTF-8",
                             STR_ARG(path));
    add_file(r, path, buf_str(b));
}

/* ---- words of dbt */

static void put_words(struct dbt_reader *r, struct tree *to, const struct tree *node)
{
    const struct tree *tags = tree_find(node, STR("tags")), *meta = tree_find(node, STR("meta"));
    struct str_list texts = {0};
    exchange_put_text(r->mem, to, "description", tree_find_text(node, STR("description")));
    for (size_t i = 0; tags && tags->kind == TREE_LIST && i < tags->len; i++)
        if (tags->at[i]->kind == TREE_SCALAR)
            str_list_add(r->mem, &texts, tags->at[i]->text);
    exchange_put_texts(r->mem, to, "tags", &texts);
    struct tree *custom = exchange_list(r->mem);
    for (size_t i = 0; meta && meta->kind == TREE_MAP && i < meta->len; i++) {
        struct tree *item = exchange_map(r->mem);
        if (tree_is_null(meta->at[i]))
            continue;
        /* Its own names: weft's mean something. */
        exchange_put_text(r->mem, item, "property",
                          arena_format(r->mem, "dbt." STR_FMT, STR_ARG(meta->at[i]->key)));
        exchange_put_copy(r->mem, item, "value", meta->at[i]);
        tree_push(r->mem, custom, item);
    }
    if (custom->len)
        exchange_put(r->mem, to, "customProperties", custom);
}

static struct tree *find_property(struct tree *table, str name)
{
    struct tree *properties = exchange_build_properties(table);
    for (size_t i = 0; i < properties->len; i++)
        if (str_eq_nocase(tree_find_text(properties->at[i], STR("name")), name))
            return properties->at[i];
    return NULL;
}

static void add_to_list(struct dbt_reader *r, struct tree *to, const char *key, struct tree *item)
{
    const struct tree *found = tree_get(to, str_of(key));
    struct tree *list = found ? to->at[found->index] : exchange_list(r->mem);
    tree_push(r->mem, list, item);
    if (!found)
        exchange_put(r->mem, to, key, list);
}

/* ---- tests */

/* `ref('customers')` as the name of a table of this contract; empty when it is none. */
static str table_meant(struct dbt_reader *r, const struct dbt_node *node, str to)
{
    str head, name, rest;
    char quote = str_has(to, '\'') ? '\'' : '"';
    if (!str_cut(to, quote, &head, &rest))
        return STR_NONE;
    while (str_cut(rest, quote, &name, &rest) && str_cut(rest, quote, &head, &rest)) {
        /* the last text is the name */
    }
    for (size_t i = 0; i < r->nodes.len; i++) {
        const struct dbt_node *other = r->nodes.at[i];
        bool is_same = node->kind == DBT_OUTPUT ? other->product == node->product
                                                : str_eq(other->source, node->source);
        if (is_same && other->kind == node->kind && str_eq(other->dbt_name, name))
            return other->name;
    }
    return STR_NONE;
}

static struct tree *rule_of(struct dbt_reader *r, const struct tree *test, const char *metric,
                            struct tree *arguments)
{
    struct tree *rule = exchange_map(r->mem);
    str severity = tree_find_text(tree_find(test, STR("config")), STR("severity"));
    exchange_put_text(r->mem, rule, "name", tree_find_text(test, STR("name")));
    exchange_put_text(r->mem, rule, "metric", str_of(metric));
    exchange_put(r->mem, rule, "arguments", arguments);
    exchange_put(r->mem, rule, "mustBe", exchange_int(r->mem, 0));
    if (str_eq_nocase(severity, STR("warn")))
        exchange_put_text(r->mem, rule, "severity", STR("warning"));
    return rule;
}

/* Kept as a rule of another engine, which weft does not run. */
static void keep_test(struct dbt_reader *r, struct tree *table, const struct tree *test)
{
    struct tree *rule = exchange_map(r->mem), *how = exchange_map(r->mem);
    const struct tree *metadata = tree_find(test, STR("test_metadata"));
    const struct tree *arguments = tree_find(metadata, STR("kwargs"));
    exchange_put_text(r->mem, rule, "name", tree_find_text(test, STR("name")));
    exchange_put_text(r->mem, rule, "type", STR("custom"));
    exchange_put_text(r->mem, rule, "engine", STR("dbt"));
    exchange_put_text(r->mem, how, "test",
                      metadata ? tree_find_text(metadata, STR("name")) : STR("singular"));
    exchange_put_copy(r->mem, how, "arguments", arguments);
    exchange_put(r->mem, rule, "implementation", how);
    add_to_list(r, table, "quality", rule);
    exchange_build_left(&r->left, tree_place(r->mem, r->import->file, test),
                        "a test is kept as a rule of dbt, which weft does not run");
}

static bool put_values(struct dbt_reader *r, struct tree *column, const struct tree *test,
                       const struct tree *arguments)
{
    const struct tree *values = tree_find(arguments, STR("values"));
    struct tree *map = exchange_map(r->mem);
    if (!values || values->kind != TREE_LIST || !values->len)
        return false;
    exchange_put_copy(r->mem, map, "validValues", values);
    add_to_list(r, column, "quality", rule_of(r, test, "invalidValues", map));
    return true;
}

static bool put_link(struct dbt_reader *r, const struct dbt_node *node, struct tree *column,
                     const struct tree *arguments)
{
    struct tree *link = exchange_map(r->mem);
    str table = table_meant(r, node, tree_find_text(arguments, STR("to")));
    str field = tree_find_text(arguments, STR("field"));
    if (!table.len || !str_is_name(arena_lower(r->mem, field)))
        return false;
    exchange_put_text(r->mem, link, "to",
                      arena_format(r->mem, STR_FMT "." STR_FMT, STR_ARG(table), STR_ARG(field)));
    add_to_list(r, column, "relationships", link);
    return true;
}

static bool put_test(struct dbt_reader *r, const struct dbt_node *node, struct tree *table,
                     const struct tree *test)
{
    const struct tree *metadata = tree_find(test, STR("test_metadata"));
    const struct tree *arguments = tree_find(metadata, STR("kwargs"));
    const struct tree *config = tree_find(test, STR("config"));
    str name = tree_find_text(metadata, STR("name"));
    struct tree *column = find_property(table, tree_find_text(arguments, STR("column_name")));
    bool warns = str_eq_nocase(tree_find_text(config, STR("severity")), STR("warn"));
    if (!column || tree_find_text(metadata, STR("namespace")).len
        || tree_find_text(config, STR("where")).len)
        return false;
    if (str_eq(name, STR("not_null"))) {
        if (warns)
            add_to_list(r, column, "quality", rule_of(r, test, "nullValues", NULL));
        else
            exchange_put_flag(r->mem, column, "required", true);
        return true;
    }
    if (str_eq(name, STR("unique"))) {
        if (warns)
            add_to_list(r, column, "quality", rule_of(r, test, "duplicateValues", NULL));
        else
            exchange_put_flag(r->mem, column, "unique", true);
        return true;
    }
    if (str_eq(name, STR("accepted_values")))
        return put_values(r, column, test, arguments);
    return str_eq(name, STR("relationships")) && put_link(r, node, column, arguments);
}

/* ---- constraints, of models with an enforced contract */

static void put_constraints(struct dbt_reader *r, struct tree *column, const struct tree *list)
{
    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len; i++) {
        str type = tree_find_text(list->at[i], STR("type"));
        if (str_eq(type, STR("not_null"))) {
            exchange_put_flag(r->mem, column, "required", true);
        } else if (str_eq(type, STR("unique"))) {
            exchange_put_flag(r->mem, column, "unique", true);
        } else if (str_eq(type, STR("primary_key"))) {
            exchange_put_flag(r->mem, column, "primaryKey", true);
            exchange_put_flag(r->mem, column, "required", true);
        } else {
            exchange_build_left(&r->left, tree_place(r->mem, r->import->file, list->at[i]),
                                "the constraint " STR_FMT " of a column is left out",
                                STR_ARG(type));
        }
    }
}

static void put_keys(struct dbt_reader *r, struct tree *table, const struct tree *list)
{
    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len; i++) {
        const struct tree *columns = tree_find(list->at[i], STR("columns"));
        str type = tree_find_text(list->at[i], STR("type"));
        bool is_key = str_eq(type, STR("primary_key"));
        if (!is_key)
            exchange_build_left(&r->left, tree_place(r->mem, r->import->file, list->at[i]),
                                "the constraint " STR_FMT " of a model is left out", STR_ARG(type));
        for (size_t j = 0; is_key && columns && columns->kind == TREE_LIST && j < columns->len;
             j++) {
            struct tree *column = find_property(table, columns->at[j]->text);
            if (!column)
                continue;
            exchange_put_flag(r->mem, column, "primaryKey", true);
            exchange_put(r->mem, column, "primaryKeyPosition",
                         exchange_int(r->mem, (int64_t)j + 1));
            exchange_put_flag(r->mem, column, "required", true);
        }
    }
}

/* ---- tables */

static void put_type(struct dbt_reader *r, struct builder *b, struct tree *column, str type,
                     const struct tree *node)
{
    if (type.len && exchange_build_type(b, column, type))
        return;
    exchange_put_text(r->mem, column, "logicalType", STR("string"));
    if (type.len)
        exchange_put_text(r->mem, column, "physicalType", type);
    exchange_build_left(&r->left, tree_place(r->mem, r->import->file, node),
                        type.len ? "weft does not know the type " STR_FMT ": it is taken for text"
                                 : "a column without a data_type is taken for text" STR_FMT,
                        STR_ARG(type));
}

static void put_table(struct dbt_reader *r, struct builder *b, const struct dbt_node *node)
{
    const struct tree *columns = tree_find(node->tree, STR("columns"));
    const struct tree *seeded =
        tree_find(tree_find(node->tree, STR("config")), STR("column_types"));
    if ((!columns || !columns->len) && (!seeded || !seeded->len)) {
        struct finding *f = report_add(
            r->import->report, FINDING_WARNING, ERR_INVALID,
            (struct place){.file = r->import->file, .path = node->id},
            "it documents no columns: its table is left out of the contract of its source");
        f->hint = STR("list its columns by hand, or let `weft contract infer` do it");
        return;
    }
    struct tree *table = exchange_build_table(b, node->name);
    put_words(r, table, node->tree);
    str physical = tree_find_text(node->tree, STR("identifier"));
    if (!physical.len)
        physical = tree_find_text(node->tree, STR("alias"));
    if (node->kind == DBT_SOURCE && !str_eq(physical, node->name))
        exchange_put_text(r->mem, table, "physicalName", physical);
    const struct tree *list = columns && columns->len ? columns : seeded;
    for (size_t i = 0; list->kind == TREE_MAP && i < list->len; i++) {
        const struct tree *one = list->at[i];
        str name = tree_find_text(one, STR("name")), type = tree_find_text(one, STR("data_type"));
        const struct tree *seed_type = tree_find(seeded, one->key);
        struct tree *column = exchange_build_property(b, exchange_build_properties(table),
                                                      name.len ? name : one->key);
        if (!column)
            return;
        if (!type.len && seed_type && seed_type->kind == TREE_SCALAR)
            type = seed_type->text;
        put_type(r, b, column, type, one);
        put_words(r, column, one);
        put_constraints(r, column, tree_find(one, STR("constraints")));
    }
    put_keys(r, table, tree_find(node->tree, STR("constraints")));
    for (size_t i = 0; i < node->tests_len; i++)
        if (!put_test(r, node, table, node->tests[i]))
            keep_test(r, table, node->tests[i]);
    if (node->tests_untold)
        exchange_build_left(&r->left, tree_place(r->mem, r->import->file, node->tree),
                            "%zu tests of a model with very many are left out", node->tests_untold);
}

static void begin_contract(struct dbt_reader *r, struct builder *b, str id)
{
    struct exchange_import import = *r->import;
    import.id = id;
    exchange_build_begin(b, r->mem, &import);
    exchange_put_text(r->mem, b->root, "domain", r->domain);
}

static str output_id(struct dbt_reader *r, const struct dbt_product *product)
{
    return arena_format(r->mem, STR_FMT "-" STR_FMT, STR_ARG(r->domain), STR_ARG(product->name));
}

static str source_id(struct dbt_reader *r, const struct dbt_product *product, str source)
{
    return arena_format(r->mem, STR_FMT "-" STR_FMT "-" STR_FMT, STR_ARG(r->domain),
                        STR_ARG(product->name), STR_ARG(source));
}

/* ---- sources */

static struct tree *server_of(struct dbt_reader *r, const struct dbt_node *node)
{
    const struct tree *metadata = tree_find(r->manifest, STR("metadata"));
    str adapter = tree_find_text(metadata, STR("adapter_type"));
    struct tree *server = exchange_map(r->mem);
    bool is_postgres = str_eq(adapter, STR("postgres")) && node->database.len && node->schema.len
                    && !str_starts(node->id, STR("seed."));
    exchange_put_text(r->mem, server, "server", node->source);
    exchange_put_text(r->mem, server, "type", is_postgres ? STR("postgres") : STR("local"));
    if (!is_postgres) {
        exchange_put_text(
            r->mem, server, "path",
            arena_format(r->mem, "data/" STR_FMT "/{table}.csv", STR_ARG(node->source)));
        exchange_put_text(r->mem, server, "format", STR("csv"));
        return server;
    }
    exchange_put_text(r->mem, server, "host", STR("127.0.0.1"));
    exchange_put(r->mem, server, "port", exchange_int(r->mem, 5432));
    exchange_put_text(r->mem, server, "database", tree_find_text(node->tree, STR("database")));
    exchange_put_text(r->mem, server, "schema", tree_find_text(node->tree, STR("schema")));
    static const char *const secrets[2][2] = {{"user", "${DBT_USER}"},
                                              {"password", "${DBT_PASSWORD}"}};
    struct tree *custom = exchange_list(r->mem);
    for (size_t i = 0; i < 2; i++) {
        struct tree *item = exchange_map(r->mem);
        exchange_put_text(r->mem, item, "property", str_of(secrets[i][0]));
        exchange_put_text(r->mem, item, "value", str_of(secrets[i][1]));
        tree_push(r->mem, custom, item);
    }
    exchange_put(r->mem, server, "customProperties", custom);
    return server;
}

static bool write_source(struct dbt_reader *r, const struct dbt_product *product, str source)
{
    struct builder b;
    const struct dbt_node *first = NULL;
    begin_contract(r, &b, source_id(r, product, source));
    for (size_t i = 0; i < product->sources.len; i++) {
        const struct dbt_node *node = product->sources.at[i];
        if (!str_eq(node->source, source))
            continue;
        first = first ? first : node;
        put_table(r, &b, node);
    }
    struct tree *servers = exchange_list(r->mem);
    tree_push(r->mem, servers, server_of(r, first));
    exchange_put(r->mem, b.root, "servers", servers);
    str path = arena_format(r->mem, STR_FMT "/" STR_FMT ".odcs.yaml", STR_ARG(product->name),
                            STR_ARG(source));
    const struct tree *contract = b.schema->len ? exchange_build_end(&b) : NULL;
    if (contract)
        add_yaml(r, path, contract,
                 "A manifest of dbt does not say where sources are: see to servers.");
    return contract || !b.schema->len;
}

static struct str_list source_names(struct dbt_reader *r, const struct dbt_product *product)
{
    struct str_list names = {0};
    for (size_t i = 0; i < product->sources.len; i++)
        str_list_add(r->mem, &names, product->sources.at[i]->source);
    return names;
}

/* ---- products */

static void add_port(struct dbt_reader *r, struct tree *list, str name, str contract)
{
    struct tree *entry = exchange_map(r->mem);
    exchange_put_text(r->mem, entry, "name", name);
    exchange_put_text(r->mem, entry, "version", STR("1.0.0"));
    exchange_put_text(r->mem, entry, "contractId", contract);
    tree_push(r->mem, list, entry);
}

static void write_product(struct dbt_reader *r, const struct dbt_product *product)
{
    struct arena *mem = r->mem;
    struct tree *root = exchange_map(mem), *described = exchange_map(mem),
                *team = exchange_map(mem);
    struct tree *inputs = exchange_list(mem), *outputs = exchange_list(mem);
    struct str_list sources = source_names(r, product);
    str id = output_id(r, product);
    exchange_put_text(mem, root, "apiVersion", STR("v1.0.0"));
    exchange_put_text(mem, root, "kind", STR("DataProduct"));
    exchange_put_text(mem, root, "id", arena_format(mem, STR_FMT "-product", STR_ARG(id)));
    exchange_put_text(mem, root, "name", product->name);
    exchange_put_text(mem, root, "version", STR("1.0.0"));
    exchange_put_text(mem, root, "status", STR("draft"));
    exchange_put_text(mem, root, "domain", r->domain);
    exchange_put_text(mem, described, "purpose", product->description);
    if (described->len)
        exchange_put(mem, root, "description", described);
    for (size_t i = 0; i < product->inputs.len; i++)
        add_port(r, inputs, product->inputs.at[i]->name, output_id(r, product->inputs.at[i]));
    for (size_t i = 0; i < sources.len; i++)
        add_port(r, inputs, sources.at[i], source_id(r, product, sources.at[i]));
    if (inputs->len)
        exchange_put(mem, root, "inputPorts", inputs);
    add_port(r, outputs, product->name, id);
    exchange_put_text(mem, outputs->at[0], "type", STR("tables"));
    exchange_put(mem, root, "outputPorts", outputs);
    exchange_put_text(mem, team, "name", product->owner);
    if (team->len)
        exchange_put(mem, root, "team", team);
    add_yaml(r, arena_format(mem, STR_FMT "/product.odps.yaml", STR_ARG(product->name)), root,
             NULL);
}

/* In dbt every model may read every other: here each is granted what it reads, in a file that a team reviews. */
static void write_grant(struct dbt_reader *r, const struct dbt_product *product)
{
    struct arena *mem = r->mem;
    struct str_list readers = {0};
    for (size_t i = 0; i < r->products.len; i++)
        for (size_t j = 0; j < r->products.at[i]->inputs.len; j++)
            if (r->products.at[i]->inputs.at[j] == product)
                vec_push(mem, &readers,
                         arena_format(mem, STR_FMT "." STR_FMT, STR_ARG(r->domain),
                                      STR_ARG(r->products.at[i]->name)));
    if (!readers.len)
        return;
    struct tree *root = exchange_map(mem), *grant = exchange_map(mem), *to = exchange_map(mem);
    exchange_put_text(mem, root, "apiVersion", STR("weft/v1"));
    exchange_put_text(mem, root, "kind", STR("Policy"));
    exchange_put_text(mem, root, "id",
                      arena_format(mem, STR_FMT "-products-read-" STR_FMT, STR_ARG(r->domain),
                                   STR_ARG(product->name)));
    exchange_put_text(mem, root, "description",
                      STR("Products of the domain that are built on this one, as in dbt."));
    exchange_put_text(mem, root, "owner", r->domain);
    exchange_put_text(mem, grant, "contract", output_id(r, product));
    exchange_put_text(mem, grant, "role", STR("reader"));
    exchange_put_texts(mem, to, "products", &readers);
    exchange_put(mem, grant, "to", to);
    exchange_put(mem, root, "grant", grant);
    add_yaml(r, arena_format(mem, "policies/" STR_FMT ".policy.yaml", STR_ARG(product->name)), root,
             NULL);
}

static void put_role(struct dbt_reader *r, struct tree *root)
{
    struct tree *roles = exchange_list(r->mem), *role = exchange_map(r->mem);
    exchange_put_text(r->mem, role, "role", STR("reader"));
    exchange_put_text(r->mem, role, "access", STR("read"));
    tree_push(r->mem, roles, role);
    exchange_put(r->mem, root, "roles", roles);
}

static bool write_outputs(struct dbt_reader *r, const struct dbt_product *product)
{
    struct builder b;
    begin_contract(r, &b, output_id(r, product));
    put_role(r, b.root);
    for (size_t i = 0; i < product->outputs.len; i++)
        put_table(r, &b, product->outputs.at[i].node);
    const struct tree *contract = exchange_build_end(&b);
    if (contract)
        add_yaml(r,
                 arena_format(r->mem, STR_FMT "/" STR_FMT ".odcs.yaml", STR_ARG(product->name),
                              STR_ARG(product->name)),
                 contract, NULL);
    return contract != NULL;
}

static void write_sql(struct dbt_reader *r, const struct dbt_product *product)
{
    for (size_t i = 0; i < product->outputs.len; i++) {
        const struct dbt_table *table = &product->outputs.at[i];
        str name = table->node->name;
        str path =
            arena_format(r->mem, STR_FMT "/" STR_FMT ".sql", STR_ARG(product->name), STR_ARG(name));
        if (!table->node->is_read) {
            add_file(r, path, table->sql);
            continue;
        }
        add_file(r, path,
                 arena_format(r->mem, "SELECT * FROM self." STR_FMT "_rows\n", STR_ARG(name)));
        add_file(r,
                 arena_format(r->mem, STR_FMT "/internal/" STR_FMT "_rows.sql",
                              STR_ARG(product->name), STR_ARG(name)),
                 table->sql);
    }
    for (size_t i = 0; i < product->internals.len; i++)
        add_file(r,
                 arena_format(r->mem, STR_FMT "/internal/" STR_FMT ".sql", STR_ARG(product->name),
                              STR_ARG(product->internals.at[i].node->name)),
                 product->internals.at[i].sql);
}

static void write_domain(struct dbt_reader *r)
{
    struct tree *root = exchange_map(r->mem);
    struct str_list owners = {0};
    const struct tree *metadata = tree_find(r->manifest, STR("metadata"));
    exchange_put_text(r->mem, root, "apiVersion", STR("weft/v1"));
    exchange_put_text(r->mem, root, "kind", STR("Domain"));
    exchange_put_text(r->mem, root, "name", r->domain);
    exchange_put_text(r->mem, root, "title", tree_find_text(metadata, STR("project_name")));
    vec_push(r->mem, &owners, STR("user:owner"));
    exchange_put_texts(r->mem, root, "owners", &owners);
    add_yaml(r, STR("domain.yaml"), root, "See to owners: dbt does not say who they are.");
}

bool exchange_dbt_write(struct dbt_reader *r)
{
    if (!r->products.len)
        return false;
    write_domain(r);
    for (size_t i = 0; i < r->products.len; i++) {
        const struct dbt_product *product = r->products.at[i];
        struct str_list sources = source_names(r, product);
        write_product(r, product);
        if (!write_outputs(r, product))
            return false;
        for (size_t j = 0; j < sources.len; j++)
            if (!write_source(r, product, sources.at[j]))
                return false;
        write_sql(r, product);
        write_grant(r, product);
    }
    return true;
}
