/* A release of the past under the contract of today: readers must get what is promised now, and no column may show what a label of
 * then would have hidden. */
#include "buf/buf.h"
#include "limits/limits.h"
#include "rollback_inside.h"

static bool refuse(struct task *t, const struct rollback *r, str why)
{
    task_fail(t, ERR_CONFLICT, "release %llu of %.*s does not fit its contract of today: %.*s",
              (unsigned long long)r->number, STR_ARG(r->product), STR_ARG(why));
    return task_hint(t, "apply the files of that time first, or run the product anew");
}

/* `{"orders":"1.0.0","orders":"2.0.0"}` as `orders 1.0.0, orders 2.0.0`. */
static str contracts_text(struct arena *mem, str contracts)
{
    struct buf *b = buf_new(mem, DOCUMENT_BYTES_MAX);
    bool is_quoted = false;

    for (size_t i = 0; i < contracts.len; i++) {
        char c = contracts.ptr[i];

        if (c == '"') {
            is_quoted = !is_quoted;
        } else if (is_quoted) {
            buf_add_byte(b, c);
        } else if (c == ':' || c == ',') {
            buf_format(b, "%s", c == ':' ? " " : ", ");
        }
    }
    return buf_str(b);
}

/* Versions are compared as texts of one form: both were written by release_contracts. */
static bool has_same_contracts(struct task *t, const struct rollback *r)
{
    str now = release_contracts(t->mem, r->target->definition);

    return str_eq(now, r->row.contracts)
        || refuse(t, r,
                  arena_format(t->mem, "contracts were %.*s and are %.*s",
                               STR_ARG(contracts_text(t->mem, r->row.contracts)),
                               STR_ARG(contracts_text(t->mem, now))));
}

static const struct image_column *find_column(const struct image_table *table, uint32_t id)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        if (table->columns.at[i].id == id) {
            return &table->columns.at[i];
        }
    }
    return NULL;
}

static bool has_label(const struct image_column *column, const struct policy_label *wanted)
{
    const struct contract_column *contract = column->contract;

    for (size_t i = 0; i < column->more.len; i++) {
        const struct policy_label *label = &column->more.at[i];

        if (label->is_tag == wanted->is_tag && str_eq(label->text, wanted->text)
            && (wanted->origin.len == 0 || str_eq(label->origin, wanted->origin))) {
            return true;
        }
    }
    /* What the contract itself declares is looser for nobody: its owners are those of the table. */
    return wanted->is_tag ? str_list_has(&contract->tags, wanted->text)
                          : str_eq(contract->classification, wanted->text);
}

static bool has_labels(struct task *t, const struct rollback *r, const struct image_table *table,
                       const struct image_column *now, const struct policy_labels *wanted,
                       const char *whose)
{
    for (size_t i = 0; i < wanted->len; i++) {
        if (!has_label(now, &wanted->at[i])) {
            return refuse(t, r,
                          arena_format(t->mem, "column %.*s of %.*s carries the label %.*s %s",
                                       STR_ARG(now->name), STR_ARG(table->name),
                                       STR_ARG(wanted->at[i].text), whose));
        }
    }
    return true;
}

static bool fits_column(struct task *t, const struct rollback *r, const struct image_table *now,
                        const struct image_table *then, const struct image_column *column)
{
    const struct image_column *before = find_column(then, column->id);

    if (before == NULL) {
        return refuse(t, r,
                      arena_format(t->mem, "it has no column %.*s in %.*s", STR_ARG(column->name),
                                   STR_ARG(now->name)));
    }
    if (!str_eq(before->type, column->contract->type)) {
        return refuse(t, r,
                      arena_format(t->mem, "column %.*s of %.*s was %.*s and is %.*s",
                                   STR_ARG(column->name), STR_ARG(now->name), STR_ARG(before->type),
                                   STR_ARG(column->contract->type)));
    }
    return has_labels(t, r, now, column, &before->more, "there, and not today");
}

static const struct image_table *find_table(const struct image_product *product, uint64_t id)
{
    for (size_t i = 0; i < product->tables.len; i++) {
        if (product->tables.at[i].id == id) {
            return &product->tables.at[i];
        }
    }
    return NULL;
}

static bool fits_table(struct task *t, const struct rollback *r, const struct image_table *now)
{
    const struct image_table *then = find_table(r->past, now->id);

    if (then == NULL) {
        return refuse(t, r, arena_format(t->mem, "it has no table %.*s", STR_ARG(now->name)));
    }
    for (size_t i = 0; i < now->columns.len; i++) {
        if (!fits_column(t, r, now, then, &now->columns.at[i])) {
            return false;
        }
    }
    return true;
}

/* The column of a producer that an edge comes from, as it is today; NULL where it is gone. */
static const struct image_column *find_producer(const struct image *image,
                                                const struct release_edge *edge)
{
    for (size_t i = 0; i < image->products.len; i++) {
        const struct image_table *table =
            find_table(&image->products.at[i], edge->producer_table_id);

        if (table != NULL) {
            return find_column(table, edge->producer_column_id);
        }
    }
    return NULL;
}

static void add_label(struct arena *mem, struct policy_labels *out, bool is_tag, str text)
{
    if (text.len > 0) {
        vec_push(mem, out, ((struct policy_label){.is_tag = is_tag, .text = text}));
    }
}

/* Labels that the origin of an edge has today, by whatever name it came in then. */
static void origin_labels(struct arena *mem, const struct rollback *r,
                          const struct release_edge *edge, struct policy_labels *out)
{
    const struct model_product *definition = r->target->definition;
    const struct contract_column *contract = NULL;

    if (edge->producer_table_id != 0) {
        const struct image_column *column = find_producer(r->image, edge);

        for (size_t i = 0; column != NULL && i < column->more.len; i++) {
            add_label(mem, out, column->more.at[i].is_tag, column->more.at[i].text);
        }
        contract = column != NULL ? column->contract : NULL;
    }
    for (size_t i = 0; edge->producer_table_id == 0 && i < definition->inputs.len; i++) {
        const struct model_input *input = &definition->inputs.at[i];
        const struct contract_table *table =
            str_eq(input->name, edge->input_port)
                ? contract_find_table(input->contract, edge->input_table)
                : NULL;

        contract = table != NULL ? contract_find_column(table, edge->input_column) : contract;
    }
    add_label(mem, out, false, contract != NULL ? contract->classification : STR_NONE);
    for (size_t i = 0; contract != NULL && i < contract->tags.len; i++) {
        add_label(mem, out, true, contract->tags.at[i]);
    }
}

/* The SQL of then may have read what the SQL of today does not, and what was labelled since: an apply could not know. */
static bool fits_edge(struct task *t, const struct rollback *r, const struct release_edge *edge)
{
    const struct image_table *table = find_table(r->target, edge->table_id);
    struct policy_labels labels = {0};

    origin_labels(t->mem, r, edge, &labels);
    for (size_t i = 0; labels.len > 0 && table != NULL && i < table->columns.len; i++) {
        const struct image_column *column = &table->columns.at[i];

        if ((edge->column_id == 0 || edge->column_id == column->id)
            && column->contract->declassify.method == DECLASSIFY_NONE
            && !has_labels(t, r, table, column, &labels, "of what it was made of")) {
            return false;
        }
    }
    return true;
}

/* What a column sheds was proven on the rows of that release, if it was the same product. */
static bool fits_proofs(struct task *t, const struct rollback *r)
{
    bool is_same = str_eq(release_digest(t->mem, r->target->definition), r->row.compiled_digest);

    for (size_t i = 0; !is_same && i < r->target->tables.len; i++) {
        const struct image_table *table = &r->target->tables.at[i];

        for (size_t k = 0; k < table->columns.len; k++) {
            const struct image_column *column = &table->columns.at[k];

            if (column->contract->declassify.method != DECLASSIFY_NONE) {
                return refuse(t, r,
                              arena_format(t->mem,
                                           "what column %.*s of %.*s declassifies was proven for "
                                           "other files of the product",
                                           STR_ARG(column->name), STR_ARG(table->name)));
            }
        }
    }
    return true;
}

bool rollback_fits(struct task *t, struct rollback *r)
{
    if (!has_same_contracts(t, r) || !fits_proofs(t, r)) {
        return false;
    }
    for (size_t i = 0; i < r->target->tables.len; i++) {
        if (!fits_table(t, r, &r->target->tables.at[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < r->edges.len; i++) {
        if (r->edges.at[i].carries && !fits_edge(t, r, &r->edges.at[i])) {
            return false;
        }
    }
    return true;
}
