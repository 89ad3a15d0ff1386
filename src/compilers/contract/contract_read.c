#include "contract/contract_custom.h"
#include "contract/contract_inside.h"
#include "contract/contract_life.h"

#include "shape/shape.h"

static void check_life(struct contract_reader *r);
static void read_table(struct contract_reader *r, const struct tree *node);
static void read_columns(struct contract_reader *r, struct contract_table *table);
static void read_column(struct contract_reader *r, struct contract_table *table,
                        const struct tree *node);
static void rank_primary_key(struct contract_reader *r, struct contract_table *table);
static void read_server(struct contract_reader *r, const struct tree *node);
static void read_role(struct contract_reader *r, const struct tree *node);

struct finding *contract_error(struct contract_reader *r, const struct tree *node,
                               const char *format, ...)
{
    va_list args;
    va_start(args, format);
    str message = arena_format_args(r->mem, format, args);
    va_end(args);
    return report_add(r->report, FINDING_ERROR, ERR_INVALID, tree_place(r->mem, r->file, node),
                      STR_FMT, STR_ARG(message));
}

struct finding *contract_warning(struct contract_reader *r, const struct tree *node,
                                 const char *format, ...)
{
    va_list args;
    va_start(args, format);
    str message = arena_format_args(r->mem, format, args);
    va_end(args);
    return report_add(r->report, FINDING_WARNING, ERR_INVALID, tree_place(r->mem, r->file, node),
                      STR_FMT, STR_ARG(message));
}

/* Calls `read` for each map of a list; what is no list or no map was found by the shape. */
static void for_each(struct contract_reader *r, const struct tree *list,
                     void (*read)(struct contract_reader *, const struct tree *))
{
    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len; i++)
        if (list->at[i]->kind == TREE_MAP)
            read(r, list->at[i]);
}

static struct str_list read_texts(struct arena *mem, const struct tree *list)
{
    struct str_list texts = {0};
    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len; i++)
        if (list->at[i]->kind == TREE_SCALAR)
            vec_push(mem, &texts, list->at[i]->text);
    return texts;
}

static str text_or(const struct tree *node, str key, str otherwise)
{
    str text = tree_find_text(node, key);
    return text.len ? text : otherwise;
}

struct contract *contract_read(struct arena *mem, str file, const struct tree *document,
                               struct report *report)
{
    if (!document || !shape_check_standard(mem, file, &shape_standard_odcs, document, report))
        return NULL;
    if (shape_is_draft(&shape_standard_odcs, document)) {
        struct finding *f = shape_error(mem, file, report, tree_find(document, STR("apiVersion")),
                                        "a mesh takes no contract of a draft of the standard");
        f->found = tree_find_text(document, STR("apiVersion"));
        f->allowed = STR("v3.0.0 to v3.1.0");
        return NULL;
    }
    struct contract *contract = ARENA_NEW(mem, struct contract);
    struct contract_reader r = {.mem = mem, .file = file, .report = report, .contract = contract};
    const struct tree *described = tree_find(document, STR("description"));
    *contract = (struct contract){
        .file = file,
        .id = tree_find_text(document, STR("id")),
        .name = text_or(document, STR("name"), tree_find_text(document, STR("id"))),
        .version = tree_find_text(document, STR("version")),
        .status = tree_find_text(document, STR("status")),
        .domain = tree_find_text(document, STR("domain")),
        .product = tree_find_text(document, STR("dataProduct")),
        .description = tree_find_text(described, STR("purpose")),
        .tags = read_texts(mem, tree_find(document, STR("tags"))),
        .custom = tree_find(document, STR("customProperties")),
        .source = document,
        .place = tree_place(mem, file, document),
    };
    contract_check_custom(mem, file, contract->custom, CUSTOM_CONTRACT, report);
    check_life(&r);
    for_each(&r, tree_find(document, STR("schema")), read_table);
    for (size_t i = 0; i < contract->tables.len; i++)
        contract_relation_rules(&r, &contract->tables.at[i]);
    for_each(&r, tree_find(document, STR("servers")), read_server);
    for_each(&r, tree_find(document, STR("roles")), read_role);
    return contract->id.len ? contract : NULL;
}

/* Readers are told until when, and what comes after. */
static void check_life(struct contract_reader *r)
{
    const struct tree *sunset = contract_custom(r->contract->custom, STR("sunset"));
    const struct tree *successor = contract_custom(r->contract->custom, STR("successor"));
    const struct tree *status = tree_find(r->contract->source, STR("status"));
    bool is_ending = shape_has_word("deprecated retired", r->contract->status);
    int64_t end_us;
    struct finding *f;
    shape_check_status(r->mem, r->file, r->report, status);
    if (sunset && (sunset->kind != TREE_SCALAR || !contract_day_end(sunset->text, &end_us))) {
        f = contract_error(r, sunset, "sunset is the last day on which it is served");
        f->found = shape_found(r->mem, sunset);
        f->allowed = STR("a date as 2027-03-01");
    } else if (sunset && !is_ending) {
        f = contract_error(r, sunset, "sunset means nothing while the contract is not deprecated");
        f->hint = STR("say status: deprecated too");
    } else if (!sunset && str_eq(r->contract->status, STR("deprecated"))) {
        f = contract_warning(r, status, "a deprecated contract without a last day is served on");
        f->hint = STR("customProperties: [{property: sunset, value: 2027-03-01}] says until when");
    }
    if (successor && (successor->kind != TREE_SCALAR || !successor->text.len)) {
        f = contract_error(r, successor, "successor names what to read instead");
        f->found = shape_found(r->mem, successor);
        f->allowed = STR("an address, as sales.\"orders@2\".orders");
    }
}

static void read_table(struct contract_reader *r, const struct tree *node)
{
    str name = tree_find_text(node, STR("name"));
    if (!name.len)
        return;
    for (size_t i = 0; i < r->contract->tables.len; i++)
        if (str_eq_nocase(r->contract->tables.at[i].name, name)) {
            struct finding *f =
                contract_error(r, tree_find(node, STR("name")),
                               "two tables of this contract are named " STR_FMT, STR_ARG(name));
            f->hint = STR("names of tables do not differ by case alone");
            return;
        }
    struct contract_table *table = vec_add(r->mem, &r->contract->tables);
    *table = (struct contract_table){
        .name = name,
        .physical_name = text_or(node, STR("physicalName"), name),
        .id = tree_find_text(node, STR("id")),
        .description = tree_find_text(node, STR("description")),
        .tags = read_texts(r->mem, tree_find(node, STR("tags"))),
        .source = node,
        .place = tree_place(r->mem, r->file, node),
    };
    contract_check_custom(r->mem, r->file, tree_find(node, STR("customProperties")), CUSTOM_TABLE,
                          r->report);
    read_columns(r, table);
    rank_primary_key(r, table);
    contract_read_cluster(r, table);
    contract_read_most(r, table);
    contract_read_incremental(r, table);
    contract_schema_rules(r, table);
    contract_quality_rules(r, table, NULL, tree_find(node, STR("quality")));
    for (size_t i = 0; i < table->columns.len; i++) {
        struct contract_spots spots = {0};
        contract_spots(r, &table->columns.at[i], &spots);
        for (size_t j = 0; j < spots.len; j++)
            contract_quality_rules(r, table, &spots.at[j],
                                   tree_find(spots.at[j].node, STR("quality")));
    }
}

static void read_columns(struct contract_reader *r, struct contract_table *table)
{
    const struct tree *properties = tree_find(table->source, STR("properties"));
    if (properties && properties->kind == TREE_LIST)
        vec_reserve(r->mem, &table->columns, properties->len);
    for (size_t i = 0; properties && properties->kind == TREE_LIST && i < properties->len; i++)
        if (properties->at[i]->kind == TREE_MAP)
            read_column(r, table, properties->at[i]);
    if (!table->columns.len) {
        struct finding *f = contract_error(r, table->source, "the table " STR_FMT " has no columns",
                                           STR_ARG(table->name));
        f->hint = STR("list its columns as properties");
    }
}

static bool flag_of(const struct tree *node, str key)
{
    bool flag = false;
    return tree_is_bool(tree_find(node, key), &flag) && flag;
}

static void read_field(struct contract_reader *r, struct contract_column *column,
                       const struct tree *node, str path);

/* Labels inside of objects and arrays. */
static void read_fields(struct contract_reader *r, struct contract_column *column,
                        const struct tree *node, str path)
{
    const struct tree *properties = tree_find(node, STR("properties"));
    const struct tree *items = tree_find(node, STR("items"));
    for (size_t i = 0; properties && properties->kind == TREE_LIST && i < properties->len; i++) {
        str name = tree_find_text(properties->at[i], STR("name"));
        if (name.len)
            read_field(r, column, properties->at[i],
                       arena_format(r->mem, STR_FMT "%s" STR_FMT, STR_ARG(path),
                                    path.len ? "." : "", STR_ARG(name)));
    }
    if (items)
        read_field(r, column, items, arena_format(r->mem, STR_FMT "[]", STR_ARG(path)));
}

static void read_field(struct contract_reader *r, struct contract_column *column,
                       const struct tree *node, str path)
{
    struct report ignored; /* the column's own type says what is wrong with its parts */
    struct contract_field field = {.path = path,
                                   .classification = tree_find_text(node, STR("classification")),
                                   .tags = read_texts(r->mem, tree_find(node, STR("tags")))};
    if (field.classification.len || field.tags.len) {
        report_init(&ignored, r->mem);
        field.type = contract_type(r->mem, r->file, node, &ignored);
        vec_push(r->mem, &column->fields, field);
    }
    read_fields(r, column, node, path);
}

static void read_column(struct contract_reader *r, struct contract_table *table,
                        const struct tree *node)
{
    str name = tree_find_text(node, STR("name"));
    if (!name.len)
        return;
    if (contract_find_column(table, name)) {
        struct finding *f = contract_error(r, tree_find(node, STR("name")),
                                           "two columns of " STR_FMT " are named " STR_FMT,
                                           STR_ARG(table->name), STR_ARG(name));
        f->hint = STR("names of columns do not differ by case alone");
        return;
    }
    struct contract_column *column = vec_add(r->mem, &table->columns);
    if (!table->names.mem)
        map_init_nocase(&table->names, r->mem);
    map_put(&table->names, name, (void *)(uintptr_t)table->columns.len);
    *column = (struct contract_column){
        .name = name,
        .physical_name = text_or(node, STR("physicalName"), name),
        .id = tree_find_text(node, STR("id")),
        .type = contract_type(r->mem, r->file, node, r->report),
        .logical_type = tree_find_text(node, STR("logicalType")),
        .physical_type = tree_find_text(node, STR("physicalType")),
        .description = tree_find_text(node, STR("description")),
        .classification = tree_find_text(node, STR("classification")),
        .tags = read_texts(r->mem, tree_find(node, STR("tags"))),
        .required = flag_of(node, STR("required")),
        .unique = flag_of(node, STR("unique")),
        .source = node,
        .place = tree_place(r->mem, r->file, node),
    };
    contract_check_custom(r->mem, r->file, tree_find(node, STR("customProperties")), CUSTOM_COLUMN,
                          r->report);
    contract_read_declassify(r->mem, r->file, tree_find(node, STR("customProperties")), column,
                             r->report);
    read_fields(r, column, node, STR_NONE);
}

static bool key_position(const struct contract_column *column, int64_t *out)
{
    *out = -1;
    tree_is_int(tree_find(column->source, STR("primaryKeyPosition")), out);
    return *out > 0;
}

/* Positions need not be dense, and columns without one follow in their own order: ranks from 1 come out. */
static void rank_primary_key(struct contract_reader *r, struct contract_table *table)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        struct contract_column *column = &table->columns.at[i];
        int64_t position, other;
        bool has_position = key_position(column, &position);
        if (!flag_of(column->source, STR("primaryKey"))) {
            if (has_position)
                contract_warning(r, column->source,
                                 "primaryKeyPosition of " STR_FMT
                                 " means nothing without primaryKey: true",
                                 STR_ARG(column->name));
            continue;
        }
        column->primary_key = 1;
        for (size_t j = 0; j < table->columns.len; j++) {
            const struct contract_column *beside = &table->columns.at[j];
            if (j == i || !flag_of(beside->source, STR("primaryKey")))
                continue;
            bool other_has = key_position(beside, &other);
            if (has_position && other_has && position == other && j < i)
                contract_error(r, column->source, "two columns of the primary key have position %d",
                               (int)position);
            if (has_position && other_has ? other < position || (other == position && j < i)
                                          : other_has || (!has_position && j < i))
                column->primary_key++;
        }
    }
}

static void read_server(struct contract_reader *r, const struct tree *node)
{
    struct contract_server *server = vec_add(r->mem, &r->contract->servers);
    const struct tree *custom = tree_find(node, STR("customProperties"));
    *server = (struct contract_server){
        .name = tree_find_text(node, STR("server")),
        .type = tree_find_text(node, STR("type")),
        .environment = tree_find_text(node, STR("environment")),
        .location = text_or(node, STR("path"), tree_find_text(node, STR("location"))),
        .format = tree_find_text(node, STR("format")),
        .delimiter = tree_find_text(node, STR("delimiter")),
        .host = tree_find_text(node, STR("host")),
        .listen_port = tree_find_text(node, STR("port")),
        .database = tree_find_text(node, STR("database")),
        .schema = tree_find_text(node, STR("schema")),
        .custom = custom,
        .source = node,
        .place = tree_place(r->mem, r->file, node),
    };
    const struct tree *delimiter = contract_custom(custom, STR("delimiter"));
    if (!server->delimiter.len && delimiter && delimiter->kind == TREE_SCALAR)
        server->delimiter = delimiter->text;
    contract_check_custom(r->mem, r->file, custom, CUSTOM_SERVER, r->report);
}

static void read_role(struct contract_reader *r, const struct tree *node)
{
    struct contract_role *role = vec_add(r->mem, &r->contract->roles);
    *role = (struct contract_role){
        .role = tree_find_text(node, STR("role")),
        .access = tree_find_text(node, STR("access")),
        .first_approvers = tree_find_text(node, STR("firstLevelApprovers")),
        .second_approvers = tree_find_text(node, STR("secondLevelApprovers")),
    };
}

const struct contract_table *contract_find_table(const struct contract *contract, str name)
{
    for (size_t i = 0; contract && i < contract->tables.len; i++)
        if (str_eq_nocase(contract_table_plain(contract->tables.at[i].name),
                          contract_table_plain(name)))
            return &contract->tables.at[i];
    return NULL;
}

str contract_table_plain(str name)
{
    str plain, major;
    (void)str_cut(name, '@', &plain, &major);
    return plain;
}

uint64_t contract_table_major(str name)
{
    str plain, text;
    uint64_t major = 0;
    return str_cut(name, '@', &plain, &text) && str_to_u64(text, &major) ? major : 0;
}

static int compare_ranks(const void *a, const void *b)
{
    const struct contract_column *x = *(const struct contract_column *const *)a,
                                 *y = *(const struct contract_column *const *)b;
    return x->primary_key != y->primary_key ? (x->primary_key > y->primary_key ? 1 : -1)
                                            : (x > y) - (x < y);
}

void contract_key(struct arena *mem, const struct contract_table *table, struct str_list *out)
{
    struct {
        VEC_OF(const struct contract_column *)
    } key = {0};
    for (size_t i = 0; i < table->columns.len; i++)
        if (table->columns.at[i].primary_key > 0
            && table->columns.at[i].primary_key <= (int)table->columns.len)
            vec_push(mem, &key, &table->columns.at[i]);
    if (key.len)
        qsort(key.at, key.len, sizeof *key.at, compare_ranks);
    for (size_t i = 0; i < key.len; i++)
        vec_push(mem, out, key.at[i]->name);
}

const struct contract_column *contract_find_column(const struct contract_table *table, str name)
{
    size_t place = table ? (size_t)(uintptr_t)map_find(&table->names, name) : 0;
    return place ? &table->columns.at[place - 1] : NULL;
}
