#include "label/label.h"

#include "map/map.h"

/* A trace whose outputs are found by name; those of one name stand in a chain. */
struct traced {
    const struct label_trace *trace;
    struct map outputs; /* to the last of the name and one more */
    size_t *before;     /* the one before it in its chain and one more */
};

struct inherit {
    struct arena *mem;
    const struct model *model;
    struct map traces; /* product and table, as bytes, to the first trace of them */
    struct labels *out;
};

bool label_is_declared(const struct contract_column *column, bool is_tag, str text)
{
    if (is_tag ? str_list_has(&column->tags, text) : str_eq(column->classification, text))
        return true;
    for (size_t i = 0; i < column->fields.len; i++) {
        const struct contract_field *field = &column->fields.at[i];

        if (is_tag ? str_list_has(&field->tags, text) : str_eq(field->classification, text))
            return true;
    }
    return false;
}

/* Of this column, from here on. */
struct target {
    struct label label; /* all but what is inherited */
    size_t from;        /* its labels begin there */
};

static void add(struct inherit *in, const struct target *target, bool is_tag, str text, str origin,
                const struct model_domain *domain)
{
    struct label label = target->label;

    for (size_t i = target->from; i < in->out->len; i++)
        if (in->out->at[i].is_tag == is_tag && str_eq(in->out->at[i].text, text)
            && str_eq(in->out->at[i].origin, origin))
            return;
    label.is_tag = is_tag;
    label.text = text;
    label.origin = origin;
    label.domain = domain;
    label.is_declared = label_is_declared(label.column, is_tag, text);
    vec_push(in->mem, in->out, label);
}

/* The labels of a column: NULL and none when it has inherited none. */
static const struct label *find_labels(const struct labels *labels,
                                       const struct contract_column *column, size_t *len_out)
{
    size_t first = (uintptr_t)pointer_map_find(&labels->by_column, column);

    *len_out = 0;
    while (first && first - 1 + *len_out < labels->len
           && labels->at[first - 1 + *len_out].column == column)
        ++*len_out;
    return *len_out ? &labels->at[first - 1] : NULL;
}

/* Equal labels stand together, each kind where the first of it came. */
static void gather(struct inherit *in, size_t from)
{
    for (size_t i = from; i < in->out->len; i++) {
        size_t end = i + 1;

        for (size_t k = i + 1; k < in->out->len; k++) {
            struct label found = in->out->at[k];

            if (found.is_tag != in->out->at[i].is_tag || !str_eq(found.text, in->out->at[i].text))
                continue;
            for (size_t m = k; m > end; m--)
                in->out->at[m] = in->out->at[m - 1];
            in->out->at[end++] = found;
        }
        i = end - 1;
    }
}

static void index_column(struct inherit *in, const struct target *target)
{
    if (in->out->len > target->from)
        pointer_map_put(&in->out->by_column, target->label.column,
                        (void *)(uintptr_t)(target->from + 1));
}

/* A label inside of a struct is one of what is made of the struct. */
static void add_declared(struct inherit *in, const struct target *target,
                         const struct contract_column *column, str origin,
                         const struct model_domain *domain)
{
    if (column->classification.len)
        add(in, target, false, column->classification, origin, domain);
    for (size_t i = 0; i < column->tags.len; i++)
        add(in, target, true, column->tags.at[i], origin, domain);
    for (size_t i = 0; i < column->fields.len; i++) {
        const struct contract_field *field = &column->fields.at[i];
        str path = arena_format(in->mem, STR_FMT "." STR_FMT, STR_ARG(origin),
                                STR_ARG(str_from(field->path, column->name.len + 1)));

        if (field->classification.len)
            add(in, target, false, field->classification, path, domain);
        for (size_t k = 0; k < field->tags.len; k++)
            add(in, target, true, field->tags.at[k], path, domain);
    }
}

static const struct model_input *find_port(const struct model_product *product, str name)
{
    for (size_t i = 0; i < product->inputs.len; i++)
        if (str_eq_nocase(product->inputs.at[i].name, name))
            return &product->inputs.at[i];
    return NULL;
}

/* All that an input column has: what its contract declares, and what it has inherited itself. */
static void add_input_column(struct inherit *in, const struct target *target,
                             const struct model_input *port, const struct contract_table *table,
                             const struct contract_column *column)
{
    const struct model_product *owner = port->producer ? port->producer : target->label.product;
    str origin =
        port->producer
            ? arena_format(in->mem, STR_FMT "." STR_FMT,
                           STR_ARG(model_table_address(in->mem,
                                                       arena_format(in->mem, STR_FMT "." STR_FMT,
                                                                    STR_ARG(owner->domain->name),
                                                                    STR_ARG(owner->name)),
                                                       table->name)),
                           STR_ARG(column->name))
            : arena_format(in->mem, STR_FMT "." STR_FMT ":" STR_FMT "." STR_FMT "." STR_FMT,
                           STR_ARG(owner->domain->name), STR_ARG(owner->name),
                           STR_ARG(port->contract->id), STR_ARG(table->name),
                           STR_ARG(column->name));

    add_declared(in, target, column, origin, owner->domain);
    size_t len;
    const struct label *found = find_labels(in->out, column, &len);
    size_t first = found ? (size_t)(found - in->out->at) : 0;

    for (size_t i = first; i < first + len; i++) {
        const struct label label = in->out->at[i];

        add(in, target, label.is_tag, label.text, label.origin, label.domain);
    }
}

static void add_input_table(struct inherit *in, const struct target *target,
                            const struct model_input *port, const struct contract_table *table)
{
    for (size_t i = 0; i < table->columns.len; i++)
        add_input_column(in, target, port, table, &table->columns.at[i]);
}

static void add_everything(struct inherit *in, const struct target *target)
{
    const struct model_product *product = target->label.product;

    for (size_t i = 0; i < product->inputs.len; i++) {
        const struct contract *contract = product->inputs.at[i].contract;

        for (size_t k = 0; contract && k < contract->tables.len; k++)
            add_input_table(in, target, &product->inputs.at[i], &contract->tables.at[k]);
    }
}

static void add_edge(struct inherit *in, const struct target *target,
                     const struct label_trace *trace, const struct lineage_edge *edge)
{
    const struct lineage_input *input = &trace->inputs->at[edge->input];
    const struct model_input *port = find_port(trace->product, input->schema);
    const struct contract_table *table =
        port && port->contract ? contract_find_table(port->contract, input->name) : NULL;
    const struct contract_column *column =
        table ? contract_find_column(table, input->columns.at[edge->column].name) : NULL;

    if (!edge->carries)
        return;
    if (column)
        add_input_column(in, target, port, table, column);
    else
        add_everything(in, target);
}

static str trace_key(struct arena *mem, const struct model_product *product, str table)
{
    return arena_format(mem, "%p " STR_FMT, (const void *)product, STR_ARG(table));
}

static void index_traces(struct inherit *in, const struct label_traces *traces)
{
    map_init(&in->traces, in->mem);
    for (size_t i = 0; i < traces->len; i++) {
        struct label_trace *trace = &traces->at[i];
        str key = trace_key(in->mem, trace->product, trace->table);

        if (!map_find(&in->traces, key))
            map_put(&in->traces, key, trace);
    }
}

static void find_traced(const struct inherit *in, const struct model_product *product, str table,
                        struct traced *out)
{
    *out = (struct traced){.trace = map_find(&in->traces, trace_key(in->mem, product, table))};
    map_init_nocase(&out->outputs, in->mem);
    if (!out->trace)
        return;
    size_t len = out->trace->lineage->outputs.len;

    out->before = ARENA_ARRAY(in->mem, size_t, len + 1);
    for (size_t i = 0; i < len; i++)
        out->before[i] = (size_t)(uintptr_t)map_put(
            &out->outputs, out->trace->lineage->outputs.at[i].name, (void *)(uintptr_t)(i + 1));
}

static void inherit_column(struct inherit *in, const struct traced *traced,
                           const struct label *label)
{
    struct target target = {.label = *label, .from = in->out->len};
    size_t last = (size_t)(uintptr_t)map_find(&traced->outputs, label->column->name);

    /* Proved on the rows of every release, or the run is rejected. */
    if (label->column->declassify.method != DECLASSIFY_NONE)
        return;
    for (size_t at = last; at; at = traced->before[at - 1]) {
        const struct lineage_output *output = &traced->trace->lineage->outputs.at[at - 1];

        for (size_t k = 0; k < output->edges.len; k++)
            add_edge(in, &target, traced->trace, &output->edges.at[k]);
    }
    if (!last)
        add_everything(in, &target);
    gather(in, target.from);
    index_column(in, &target);
}

static void inherit_table(struct inherit *in, const struct model_product *product,
                          const struct contract_table *table)
{
    struct traced traced;

    find_traced(in, product, table->name, &traced);
    for (size_t i = 0; i < table->columns.len; i++)
        inherit_column(
            in, &traced,
            &(struct label){.product = product, .table = table, .column = &table->columns.at[i]});
}

static void add_kept(struct inherit *in, const struct labels *kept)
{
    for (size_t i = 0; i < kept->len;) {
        struct target target = {.label = kept->at[i], .from = in->out->len};

        for (; i < kept->len && kept->at[i].column == target.label.column; i++)
            vec_push(in->mem, in->out, kept->at[i]);
        index_column(in, &target);
    }
}

void labels_inherit(struct arena *mem, const struct model *model, const struct label_traces *traces,
                    const struct pointer_map *kept, struct labels *out)
{
    struct inherit in = {.mem = mem, .model = model, .out = out};

    *out = (struct labels){.kept = kept};
    pointer_map_init(&out->by_column, mem, model->products.len);
    index_traces(&in, traces);
    for (size_t i = 0; i < model->products.len; i++) {
        const struct model_product *product = model->products.at[i];
        const struct labels *known = kept ? pointer_map_find(kept, product) : NULL;

        if (known)
            add_kept(&in, known);
        for (size_t j = 0; !known && j < product->outputs.len; j++) {
            const struct contract *contract = product->outputs.at[j].contract;

            for (size_t k = 0; contract && k < contract->tables.len; k++)
                inherit_table(&in, product, &contract->tables.at[k]);
        }
    }
}

bool labels_are_kept(const struct labels *labels, const struct model_product *product)
{
    return labels->kept && pointer_map_find(labels->kept, product);
}

size_t labels_same(const struct labels *labels, size_t at)
{
    const struct label *first = &labels->at[at];
    size_t len = 1;

    while (at + len < labels->len && labels->at[at + len].column == first->column
           && labels->at[at + len].is_tag == first->is_tag
           && str_eq(labels->at[at + len].text, first->text))
        len++;
    return len;
}

str labels_origin(struct arena *mem, const struct labels *labels, size_t at, size_t len)
{
    str origin = labels->at[at].origin;

    return len > 1 ? arena_format(mem, STR_FMT " and %zu more", STR_ARG(origin), len - 1) : origin;
}

void labels_report(const struct labels *labels, str domains, struct report *report)
{
    for (size_t i = 0, len; i < labels->len; i += len) {
        const struct label *label = &labels->at[i];
        struct finding *finding;

        len = labels_same(labels, i);
        if (label->is_declared
            || (domains.len && !str_is_listed(domains, label->product->domain->name)))
            continue;
        finding =
            report_add(report, label->is_tag ? FINDING_NOTE : FINDING_WARNING, ERR_INVALID,
                       label->column->place, "column %.*s inherits %s%.*s from %.*s",
                       STR_ARG(label->column->name), label->is_tag ? "tag " : "",
                       STR_ARG(label->text), STR_ARG(labels_origin(report->mem, labels, i, len)));
        finding->found = label->is_tag ? STR_NONE : label->column->classification;
        finding->hint = STR("policies hold on it all the same: say it in the contract too");
    }
}

void labels_of(struct arena *mem, const struct labels *labels, const struct contract_column *column,
               struct policy_labels *out)
{
    size_t len;
    const struct label *found = find_labels(labels, column, &len);

    for (size_t i = 0; i < len; i++)
        vec_push(mem, out,
                 ((struct policy_label){.is_tag = found[i].is_tag,
                                        .text = found[i].text,
                                        .origin = found[i].origin,
                                        .owners = &found[i].domain->owners}));
}
