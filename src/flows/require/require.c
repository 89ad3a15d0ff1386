#include "require/require.h"

#include "buf/buf.h"
#include "clock/clock.h"
#include "limits/limits.h"
#include "map/map.h"
#include "sql/sql.h"
#include "json/json.h"

static const struct json_limits row_limits = {DOCUMENT_BYTES_MAX, DOCUMENT_DEPTH_MAX,
                                              DOCUMENT_NODES_MAX};

/* Whose eyes a text looks through: its author's, never the reader's. */
struct require_view {
    struct require *r;
    str domain; /* of a local policy: all that is public, and its own */
    bool is_of_reader;
};

static bool require_sees_domain(void *ctx, const struct image_product *product)
{
    const struct require_view *view = ctx;

    return !str_eq(product->definition->visibility, STR("restricted"))
        || str_eq(product->definition->domain->name, view->domain);
}

static bool require_sees_all(void *ctx, const struct image_product *product)
{
    (void)ctx, (void)product;
    return true;
}

/* The policies of one author share a mesh and a worker; texts of other authors are not to be found there. */
static struct gate_mesh require_mesh(struct task *t, const struct require_view *view,
                                     const struct image *image)
{
    struct require *r = view->r;
    struct gate_mesh mesh = {.engine = r->engine, .db = r->db, .image = image};

    if (view->is_of_reader) {
        mesh.owner =
            arena_format(t->mem, "require:%.*s:%.*s", STR_ARG(view->domain), STR_ARG(r->reader));
        mesh.ctx = r->ctx;
        mesh.may_discover = r->may_discover != NULL ? r->may_discover : require_sees_all;
        return mesh;
    }
    mesh.owner = arena_format(t->mem, "require:%.*s", STR_ARG(view->domain));
    mesh.ctx = (void *)(uintptr_t)view;
    mesh.may_discover = view->domain.len > 0 ? require_sees_domain : require_sees_all;
    return mesh;
}

/* ---- rows */

struct require_taking {
    struct require_result *result;
    struct arena *scratch;
    int domain_at, product_at; /* columns, or -1 */
    bool is_limited;           /* that the rows are too many was found here */
    struct map *others;        /* of another mesh: only the lines count */
};

static void require_free_arena(void *arena)
{
    arena_free(arena);
}

static int require_column(const struct str_list *columns, const char *name)
{
    for (size_t i = 0; i < columns->len; i++) {
        if (str_eq_nocase(columns->at[i], str_of(name))) {
            return (int)i;
        }
    }
    return -1;
}

static bool require_take_columns(struct task *t, void *state, const struct row_column *columns,
                                 size_t len)
{
    static const char *const addresses[] = {"product", "address", "table_address"};
    struct require_taking *taking = state;
    struct str_list *names = &taking->result->columns;

    names->len = 0;
    for (size_t i = 0; i < len; i++) {
        vec_push(t->mem, names, arena_str(t->mem, columns[i].name));
    }
    taking->domain_at = require_column(names, "domain");
    taking->product_at = -1;
    for (size_t i = 0; i < 3 && taking->product_at < 0; i++) {
        taking->product_at = require_column(names, addresses[i]);
    }
    return true;
}

static str require_cell(const struct tree *row, int at)
{
    return at >= 0 && (size_t)at < row->len && row->at[at]->kind == TREE_SCALAR ? row->at[at]->text
                                                                                : STR_NONE;
}

/* `domain.product` of an address that may go on. */
static str require_product_of(str address)
{
    str domain, rest, product, more;

    if (!str_cut(address, '.', &domain, &rest)) {
        return STR_NONE;
    }
    (void)str_cut(rest, '.', &product, &more);
    return str_sub(address, 0, domain.len + 1 + product.len);
}

static bool require_take_row(struct task *t, void *state, str line)
{
    struct require_taking *taking = state;
    struct require_result *result = taking->result;
    struct arena_mark mark = arena_mark(taking->scratch);
    struct tree *values;
    str domain, product, rest;

    if (!json_read(t, taking->scratch, line, &row_limits, &values)) {
        return false;
    }
    product = require_product_of(require_cell(values, taking->product_at));
    domain = require_cell(values, taking->domain_at);
    if (domain.len == 0 && product.len > 0) {
        (void)str_cut(product, '.', &domain, &rest);
    }
    /* What a domain requires binds nobody else. */
    if (result->policy->domain.len == 0 || str_eq(domain, result->policy->domain)) {
        if (result->len >= REQUIRE_ROWS_MAX) {
            taking->is_limited = true;
            return task_fail(t, ERR_LIMIT, "the violations are too many");
        }
        vec_push(t->mem, result,
                 ((struct require_row){.domain = arena_str(t->mem, domain),
                                       .product = arena_str(t->mem, product),
                                       .line = arena_str(t->mem, line)}));
    }
    arena_rewind(taking->scratch, mark);
    return true;
}

static bool require_take_other(struct task *t, void *state, str line)
{
    struct require_taking *taking = state;

    (void)map_put(taking->others, arena_str(t->mem, line), taking->others);
    return true;
}

static bool require_ignore_columns(struct task *t, void *state, const struct row_column *columns,
                                   size_t len)
{
    (void)t, (void)state, (void)columns, (void)len;
    return true;
}

/* ---- one requirement */

/* What is wrong with the text is its author's to mend; anything else ends the work. */
static bool require_is_of_text(enum error_code code)
{
    switch (code) {
    case ERR_SYNTAX:
    case ERR_UNKNOWN_NAME:
    case ERR_UNKNOWN_COLUMN:
    case ERR_TYPE:
    case ERR_REFUSED:
    case ERR_INVALID:
    case ERR_DATA:
    case ERR_LIMIT:
    case ERR_MEMORY:
    case ERR_ENGINE:
        return true;
    default:
        return false;
    }
}

str require_demand(const struct policy *policy)
{
    return policy->message.len > 0 ? policy->message : policy->description;
}

static bool require_find(struct task *t, struct require *r, const struct policy *policy)
{
    struct finding *finding;
    uint32_t line, column;

    if (!require_is_of_text(t->err.code)) {
        return false;
    }
    finding = report_add(r->report, FINDING_ERROR, t->err.code, policy->query_place,
                         "requirement %.*s: %.*s", STR_ARG(policy->id), STR_ARG(t->err.message));
    finding->hint = arena_str(t->mem, t->err.hint);
    if (t->err.position > 0) {
        sql_place(policy->query, t->err.position, &line, &column);
        finding->message = arena_format(t->mem, "%.*s, in line %u, column %u of its query",
                                        STR_ARG(finding->message), line, column);
        finding->excerpt = sql_caret(t->mem, policy->query, t->err.position);
    }
    task_clear_error(t);
    return true;
}

/* Until the deadline of one question or of the task, whichever comes first. */
static bool require_within(struct task *t, struct require *r, struct gate_mesh *mesh,
                           const struct require_result *result, int64_t deadline_ms, bool ok)
{
    bool is_late = !ok && t->err.code == ERR_TIMEOUT;

    t->deadline_ms = deadline_ms;
    if (ok || !is_late) {
        return ok;
    }
    task_clear_error(t);
    if (!task_go_on(t)) {
        return false;
    }
    /* A worker that did not end in time is of no more use. */
    gate_mesh_rest(t, mesh);
    report_add(r->report, FINDING_ERROR, ERR_TIMEOUT, result->policy->query_place,
               "requirement %.*s: the query did not end within %d seconds",
               STR_ARG(result->policy->id), (int)REQUIRE_MS_MAX / 1000)
        ->hint = STR("ask a simpler question: a requirement is asked at every plan and publish");
    return false;
}

static int64_t require_deadline(const struct task *t)
{
    int64_t mine = clock_monotonic_ms() + REQUIRE_MS_MAX;

    return t->deadline_ms != 0 && t->deadline_ms < mine ? t->deadline_ms : mine;
}

/* Releases and what runs did are in the catalog only. */
static bool require_needs_catalog(const struct sql_tree *tree)
{
    for (size_t i = 0; i < tree->tables.len; i++) {
        const struct sql_table *table = &tree->tables.at[i];

        if (str_eq_nocase(table->name, STR("releases")) || str_eq_nocase(table->name, STR("runs"))
            || str_eq_nocase(table->name, STR("checks"))
            || str_list_has(&table->columns, STR("release"))
            || str_list_has(&table->columns, STR("published_at"))) {
            return true;
        }
    }
    return false;
}

static void require_demand_column(struct require *r, const struct require_taking *taking)
{
    const struct policy *policy = taking->result->policy;
    struct finding *finding;

    if (policy->domain.len == 0 || taking->domain_at >= 0 || taking->product_at >= 0) {
        return;
    }
    finding = report_add(r->report, FINDING_ERROR, ERR_UNKNOWN_COLUMN, policy->query_place,
                         "requirement %.*s of domain %.*s does not say whose objects its rows are",
                         STR_ARG(policy->id), STR_ARG(policy->domain));
    finding->found = str_list_join(r->report->mem, &taking->result->columns, STR(", "));
    finding->allowed = STR("a column domain, product, address or table_address");
}

static bool require_answer(struct task *t, struct require *r, struct gate_mesh *mesh,
                           struct require_result *result)
{
    struct require_taking taking = {
        .result = result, .scratch = arena_new(), .domain_at = -1, .product_at = -1};
    struct gate_mesh_taker taker = {
        .state = &taking, .columns = require_take_columns, .row = require_take_row};
    bool needs_catalog = r->db == NULL && require_needs_catalog(result->tree), ok;

    arena_defer(t->mem, require_free_arena, taking.scratch);
    ok = needs_catalog ? gate_mesh_describe(t, mesh, result->tree, &taker)
                       : gate_mesh_ask(t, mesh, result->tree, 0, &taker);
    arena_close(t->mem, taking.scratch);
    if (!ok && taking.is_limited) {
        task_clear_error(t);
        result->is_cut = ok = true;
    }
    if (!ok) {
        return false;
    }
    require_demand_column(r, &taking);
    result->is_asked = !needs_catalog;
    if (needs_catalog) {
        report_add(r->report, FINDING_NOTE, ERR_INVALID, result->policy->query_place,
                   "requirement %.*s asks for releases, runs or checks: a plan tells whether it "
                   "is met",
                   STR_ARG(result->policy->id));
    }
    return true;
}

static bool require_one(struct task *t, struct require *r, struct gate_mesh *mesh,
                        const struct policy *policy)
{
    struct require_result *result = vec_add(t->mem, &r->results);
    struct sql_tree *tree;
    int64_t deadline_ms = t->deadline_ms;
    size_t errors = r->report->errors;
    bool ok;

    result->policy = policy;
    t->deadline_ms = require_deadline(t);
    ok = gate_mesh_parse(t, mesh, policy->query, &tree);
    if (ok) {
        result->tree = tree;
        result->table =
            tree->tables.len > 0 ? arena_lower(t->mem, tree->tables.at[0].name) : STR_NONE;
        ok = require_answer(t, r, mesh, result);
    }
    if (require_within(t, r, mesh, result, deadline_ms, ok)) {
        return true;
    }
    /* Late ones have their finding already. */
    if (t->err.code == ERR_NONE) {
        return r->report->errors > errors;
    }
    if (!require_find(t, r, policy)) {
        return false;
    }
    result->is_asked = false;
    gate_mesh_rest(t, mesh);
    return true;
}

/* ---- all requirements, author by author */

static bool require_is_distrusted(const struct require *r, const struct policy *policy)
{
    return str_list_has(&r->distrusted, policy->file);
}

static bool require_group(struct task *t, struct require *r, str domain, bool is_of_reader)
{
    struct require_view *view = ARENA_NEW(t->mem, struct require_view);
    struct gate_mesh mesh;
    bool ok = true;

    *view = (struct require_view){.r = r, .domain = domain, .is_of_reader = is_of_reader};
    mesh = require_mesh(t, view, r->image);
    for (size_t i = 0; ok && i < r->policies->len; i++) {
        const struct policy *policy = &r->policies->at[i];

        if (policy->effect == POLICY_REQUIRE && str_eq(policy->domain, domain)
            && require_is_distrusted(r, policy) == is_of_reader) {
            ok = require_one(t, r, &mesh, policy);
        }
    }
    if (ok) {
        gate_mesh_rest(t, &mesh);
    }
    return ok;
}

static struct require_view require_view_of(struct require *r, const struct policy *policy)
{
    return (struct require_view){
        .r = r, .domain = policy->domain, .is_of_reader = require_is_distrusted(r, policy)};
}

/* The lines of the same question over another mesh, or through other eyes. What cannot be answered there gives no lines. */
static bool require_lines(struct task *t, struct gate_mesh *mesh,
                          const struct require_result *result, struct map *out)
{
    struct require_taking taking = {.others = out};
    struct gate_mesh_taker taker = {
        .state = &taking, .columns = require_ignore_columns, .row = require_take_other};
    int64_t deadline_ms = t->deadline_ms;
    bool ok;

    map_init(out, t->mem);
    t->deadline_ms = require_deadline(t);
    ok = gate_mesh_ask(t, mesh, result->tree, 2 * (uint64_t)REQUIRE_ROWS_MAX, &taker);
    t->deadline_ms = deadline_ms;
    if (ok) {
        return true;
    }
    if (!require_is_of_text(t->err.code) && t->err.code != ERR_TIMEOUT) {
        return false;
    }
    task_clear_error(t);
    map_init(out, t->mem);
    gate_mesh_rest(t, mesh);
    return task_go_on(t);
}

bool require_compare(struct task *t, struct require *r, const struct image *today,
                     struct require_result *result)
{
    struct require_view view = require_view_of(r, result->policy);
    struct gate_mesh mesh = require_mesh(t, &view, today);
    struct map lines;

    if (!require_lines(t, &mesh, result, &lines)) {
        return false;
    }
    gate_mesh_rest(t, &mesh);
    for (size_t i = 0; i < result->len; i++) {
        result->at[i].was_before = map_find(&lines, result->at[i].line) != NULL;
    }
    return true;
}

static bool require_hides_any(const struct require *r)
{
    for (size_t i = 0; r->may_discover != NULL && i < r->image->products.len; i++) {
        if (!r->may_discover(r->ctx, &r->image->products.at[i])) {
            return true;
        }
    }
    return false;
}

/* The same question over what the reader may discover gives the rows that he could have found himself: those are named. */
static bool require_hide(struct task *t, struct require *r)
{
    bool ok = true;

    if (!require_hides_any(r)) {
        return true;
    }
    for (size_t i = 0; ok && i < r->results.len; i++) {
        struct require_result *result = &r->results.at[i];
        struct require_view view = {.r = r, .domain = result->policy->domain, .is_of_reader = true};
        struct gate_mesh mesh = require_mesh(t, &view, r->image);
        struct map lines;

        if (!result->is_asked || result->len == 0) {
            continue;
        }
        ok = require_lines(t, &mesh, result, &lines);
        for (size_t j = 0; ok && j < result->len; j++) {
            result->at[j].is_hidden = map_find(&lines, result->at[j].line) == NULL;
        }
        if (ok) {
            gate_mesh_rest(t, &mesh);
        }
    }
    return ok;
}

bool require_ask(struct task *t, struct require *r)
{
    struct str_list domains = {0};

    str_list_add(t->mem, &domains, STR_NONE);
    for (size_t i = 0; i < r->policies->len; i++) {
        const struct policy *policy = &r->policies->at[i];

        if (policy->effect == POLICY_REQUIRE
            && (r->domain.len == 0 || str_is_listed(r->domain, policy->domain))) {
            str_list_add(t->mem, &domains, policy->domain);
        }
    }
    for (size_t i = 0; i < domains.len; i++) {
        if (!require_group(t, r, domains.at[i], false)
            || (r->distrusted.len > 0 && !require_group(t, r, domains.at[i], true))) {
            return false;
        }
    }
    return require_hide(t, r);
}

/* ---- telling */

bool require_objects(struct task *t, struct require *r, const struct require_result *result,
                     str domain, uint64_t *objects_out)
{
    struct require_view *view = ARENA_NEW(t->mem, struct require_view);
    struct require_taking taking = {.result = &(struct require_result){0}};
    struct gate_mesh mesh;
    const struct job_view *rows;
    bool is_domains = str_eq(result->table, STR("domains"));

    *objects_out = 0;
    *view = require_view_of(r, result->policy);
    mesh = require_mesh(t, view, r->image);
    if (result->table.len == 0 || !gate_mesh_rows_of(t, &mesh, result->table, &rows)) {
        return result->table.len == 0;
    }
    for (size_t i = 0; i < rows->columns.len; i++) {
        vec_push(t->mem, &taking.result->columns, rows->columns.at[i].name);
    }
    int domain_at = require_column(&taking.result->columns, is_domains ? "name" : "domain"),
        product_at = require_column(&taking.result->columns,
                                    str_eq(result->table, STR("products")) ? "address" : "product");
    for (size_t i = 0; i + rows->columns.len <= rows->cells.len; i += rows->columns.len) {
        str found = domain_at >= 0  ? rows->cells.at[i + (size_t)domain_at].text
                  : product_at >= 0 ? rows->cells.at[i + (size_t)product_at].text
                                    : STR_NONE,
            head, rest;

        (void)str_cut(found, '.', &head, &rest);
        *objects_out += str_eq(head, domain);
    }
    return true;
}

static void require_put_row(struct task *t, const struct require_result *result,
                            const struct require_row *row, struct buf *out)
{
    struct tree *values;

    if (!json_read(t, t->mem, row->line, &row_limits, &values)) {
        task_clear_error(t);
        return;
    }
    for (size_t i = 0; i < values->len && i < result->columns.len; i++) {
        buf_format(out, "%s%.*s ", i ? ", " : "", STR_ARG(result->columns.at[i]));
        if (values->at[i]->kind == TREE_SCALAR) {
            buf_add(out, values->at[i]->text);
        } else {
            tree_json(values->at[i], out);
        }
    }
}

str require_text(struct task *t, const struct require_result *result,
                 bool (*is_meant)(const void *ctx, const struct require_row *row), const void *ctx,
                 size_t *count_out)
{
    struct buf *out = buf_new(t->mem, REQUIRE_ROWS_TOLD * 2 * (size_t)PATH_BYTES_MAX);
    size_t told = 0, more = 0, hidden = 0;

    *count_out = 0;
    for (size_t i = 0; i < result->len; i++) {
        const struct require_row *row = &result->at[i];

        if (is_meant != NULL && !is_meant(ctx, row)) {
            continue;
        }
        (*count_out)++;
        if (row->is_hidden) {
            hidden++;
        } else if (told == REQUIRE_ROWS_TOLD || out->full) {
            more++;
        } else {
            told++;
            buf_add(out, out->len > 0 ? STR("\n") : STR(""));
            require_put_row(t, result, row, out);
        }
    }
    if (more > 0) {
        buf_format(out, "%s… and %zu more", out->len > 0 ? "\n" : "", more);
    }
    if (hidden > 0) {
        buf_format(out, "%s… and %zu of products that you may not discover",
                   out->len > 0 ? "\n" : "", hidden);
    }
    return buf_str(out);
}
