#include "lineage/lineage_through.h"

#include "map/map.h"

/* Kinds, and again for those that carry, of each column of each input. */
struct through {
    struct arena *mem;
    const struct lineage_inputs *inputs;
    const struct lineage_between *between;
    size_t len;
    uint32_t *first, *bits;
    uint32_t columns;
    uint32_t low, high; /* all bits that are set are from low to before high */
};

enum { CARRIED = 16 };

static void mark(struct through *t, const struct lineage_edge *edge, enum lineage_kind kind,
                 bool carries)
{
    uint32_t at = t->first[edge->input] + edge->column;

    t->bits[at] |= 1u << kind | (uint32_t)carries << kind << CARRIED;
    t->low = at < t->low ? at : t->low;
    t->high = at >= t->high ? at + 1 : t->high;
}

/* What a value is that was made in one way, and then in another. */
static enum lineage_kind join_kinds(enum lineage_kind inner, enum lineage_kind outer)
{
    if (outer > LINEAGE_AGGREGATION)
        return outer;
    if (inner > LINEAGE_AGGREGATION)
        return inner;
    return inner > outer ? inner : outer;
}

static const struct lineage_between *find_between(const struct through *t, uint32_t input)
{
    for (size_t i = 0; i < t->len; i++)
        if (t->between[i].input == input)
            return &t->between[i];
    return NULL;
}

static void mark_inner(struct through *t, const struct lineage_edges *inner,
                       const struct lineage_edge *outer)
{
    for (size_t i = 0; i < inner->len; i++)
        mark(t, &inner->at[i], join_kinds(inner->at[i].kind, outer->kind),
             outer->carries && inner->at[i].carries);
}

static void mark_edge(struct through *t, const struct lineage_edge *edge)
{
    const struct lineage_between *between = find_between(t, edge->input);
    bool is_found = false;

    if (!between) {
        mark(t, edge, edge->kind, edge->carries);
        return;
    }
    str name = t->inputs->at[edge->input].columns.at[edge->column].name;
    const struct lineage *lineage = between->lineage;

    for (size_t i = 0; i < lineage->outputs.len; i++)
        if (str_eq_nocase(lineage->outputs.at[i].name, name)) {
            mark_inner(t, &lineage->outputs.at[i].edges, edge);
            is_found = true;
        }
    for (size_t i = 0; !is_found && i < lineage->outputs.len; i++)
        mark_inner(t, &lineage->outputs.at[i].edges, edge);
}

static void take_edges(struct through *t, struct lineage_edges *out)
{
    for (uint32_t i = 0; i < t->inputs->len; i++) {
        uint32_t first = t->first[i], end = first + (uint32_t)t->inputs->at[i].columns.len;

        for (uint32_t at = t->low > first ? t->low : first; at < end && at < t->high; at++) {
            uint32_t *bits = &t->bits[at], k = at - first;

            for (int kind = 0; *bits && kind < LINEAGE_KINDS; kind++)
                if (*bits & 1u << kind)
                    vec_push(t->mem, out,
                             ((struct lineage_edge){i, k, (enum lineage_kind)kind,
                                                    (*bits >> CARRIED & 1u << kind) != 0}));
            *bits = 0;
        }
    }
    t->low = t->columns;
    t->high = 0;
}

static struct through through_new(struct arena *mem, const struct lineage_inputs *inputs)
{
    struct through t = {
        .mem = mem, .inputs = inputs, .first = ARENA_ARRAY(mem, uint32_t, inputs->len + 1)};

    for (size_t i = 0; i < inputs->len; i++) {
        t.first[i] = t.columns;
        t.columns += (uint32_t)inputs->at[i].columns.len;
    }
    t.bits = ARENA_ARRAY(mem, uint32_t, t.columns + 1);
    t.low = t.columns;
    return t;
}

const struct lineage *lineage_through(struct arena *mem, const struct lineage_inputs *inputs,
                                      const struct lineage *lineage,
                                      const struct lineage_between *between, size_t len)
{
    struct through t = through_new(mem, inputs);
    struct lineage *out = ARENA_NEW(mem, struct lineage);

    t.between = between;
    t.len = len;
    out->is_open = lineage->is_open;
    out->is_everything = lineage->is_everything;
    for (size_t i = 0; i < lineage->outputs.len; i++) {
        struct lineage_output *output = vec_add(mem, &out->outputs);

        output->name = lineage->outputs.at[i].name;
        for (size_t k = 0; k < lineage->outputs.at[i].edges.len; k++)
            mark_edge(&t, &lineage->outputs.at[i].edges.at[k]);
        take_edges(&t, &output->edges);
    }
    for (size_t k = 0; k < lineage->rows.len; k++)
        mark_edge(&t, &lineage->rows.at[k]);
    for (size_t i = 0; i < len; i++)
        for (size_t k = 0; between[i].is_read && k < between[i].lineage->rows.len; k++)
            mark(&t, &between[i].lineage->rows.at[k], between[i].lineage->rows.at[k].kind, false);
    take_edges(&t, &out->rows);
    return out;
}

const struct lineage *lineage_copy(struct arena *mem, const struct lineage_inputs *inputs,
                                   uint32_t input, const struct str_list *columns)
{
    struct lineage *out = ARENA_NEW(mem, struct lineage);
    const struct lineage_input *from = &inputs->at[input];

    struct map names; /* no two columns of a table differ by case alone */

    map_init_nocase(&names, mem);
    for (size_t k = 0; k < from->columns.len; k++)
        map_put(&names, from->columns.at[k].name, &from->columns.at[k]);
    for (size_t i = 0; i < columns->len; i++) {
        struct lineage_output *output = vec_add(mem, &out->outputs);
        const struct lineage_column *column = map_find(&names, columns->at[i]);

        output->name = columns->at[i];
        if (column)
            vec_push(mem, &output->edges,
                     ((struct lineage_edge){input, (uint32_t)(column - from->columns.at),
                                            LINEAGE_IDENTITY, true}));
    }
    return out;
}
