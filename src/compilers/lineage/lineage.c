/* From the walk's sets to edges: names of the result, ties, kinds. */
#include "lineage_inside.h"

static const struct {
    const char *type, *name;
} kinds[] = {
    [LINEAGE_IDENTITY] = {"DIRECT", "IDENTITY"},
    [LINEAGE_TRANSFORMATION] = {"DIRECT", "TRANSFORMATION"},
    [LINEAGE_AGGREGATION] = {"DIRECT", "AGGREGATION"},
    [LINEAGE_JOIN] = {"INDIRECT", "JOIN"},
    [LINEAGE_GROUP_BY] = {"INDIRECT", "GROUP_BY"},
    [LINEAGE_FILTER] = {"INDIRECT", "FILTER"},
    [LINEAGE_SORT] = {"INDIRECT", "SORT"},
    [LINEAGE_WINDOW] = {"INDIRECT", "WINDOW"},
    [LINEAGE_CONDITIONAL] = {"INDIRECT", "CONDITIONAL"},
};

str lineage_type_name(enum lineage_kind kind)
{
    return str_of(kinds[kind].type);
}

str lineage_kind_name(enum lineage_kind kind)
{
    return str_of(kinds[kind].name);
}

bool lineage_kind_find(str name, enum lineage_kind *out)
{
    for (size_t i = 0; i < LINEAGE_KINDS; i++)
        if (str_eq(str_of(kinds[i].name), name)) {
            *out = (enum lineage_kind)i;
            return true;
        }
    return false;
}

/* ---- names of the result */

/* The engine's names, put to the fields: one for each column. False when they do not fit. */
static bool fit_names(struct lineage_walk *w, const struct lineage_fields *fields,
                      const struct str_list *names, struct lineage_fields *out)
{
    size_t open = 0, closed = 0, at = 0;

    for (size_t i = 0; i < fields->len; i++)
        fields->at[i].is_open ? open++ : closed++;
    if (names->len < closed || (!open && names->len != closed))
        return false;
    if (open > 1) {
        struct lineage_set *all = lineage_set_new(w);

        lineage_fields_set(w, fields, LINEAGE_AS_IS, all);
        for (size_t i = 0; i < names->len; i++)
            vec_push(w->mem, out, ((struct lineage_field){.name = names->at[i], .set = all}));
        return true;
    }
    for (size_t i = 0; i < fields->len; i++) {
        const struct lineage_field *field = &fields->at[i];
        size_t len = field->is_open ? names->len - closed : 1;

        for (size_t k = 0; k < len; k++, at++) {
            const struct lineage_set *set = field->set;
            size_t found = 0;

            if (!field->is_open && field->name.len && !str_eq_nocase(field->name, names->at[at]))
                return false;
            for (size_t m = 0; field->is_open && field->among && m < field->among->len; m++)
                if (str_eq_nocase(field->among->at[m].name, names->at[at])) {
                    set = found++ ? field->set : field->among->at[m].set;
                }
            vec_push(w->mem, out, ((struct lineage_field){.name = names->at[at], .set = set}));
        }
    }
    return true;
}

/* ---- edges */

/* Bits of kinds for each input column, flat; `carried` apart from those that do not carry. */
struct matrix {
    const struct lineage_inputs *inputs;
    uint32_t *first; /* of each input */
    uint32_t len;
    uint16_t *bits;
};

static struct matrix matrix_new(struct arena *mem, const struct lineage_inputs *inputs)
{
    struct matrix m = {.inputs = inputs, .first = ARENA_ARRAY(mem, uint32_t, inputs->len + 1)};

    for (size_t i = 0; i < inputs->len; i++) {
        m.first[i] = m.len;
        m.len += (uint32_t)inputs->at[i].columns.len;
    }
    m.bits = ARENA_ARRAY(mem, uint16_t, m.len + 1);
    return m;
}

static void mark(struct matrix *m, const struct lineage_atom *atom, uint32_t bits)
{
    if (atom->input >= 0)
        m->bits[m->first[atom->input] + atom->column] |= (uint16_t)(bits & LINEAGE_ALL_KINDS);
}

/* Writes the edges out, and clears the matrix for the next column. */
static void take_edges(struct arena *mem, struct matrix *m, bool carries, struct lineage_edges *out)
{
    for (uint32_t i = 0; i < m->inputs->len; i++) {
        for (uint32_t k = 0; k < m->inputs->at[i].columns.len; k++) {
            uint16_t *bits = &m->bits[m->first[i] + k];

            for (int kind = 0; *bits && kind < LINEAGE_KINDS; kind++)
                if (*bits & 1 << kind)
                    vec_push(mem, out,
                             ((struct lineage_edge){i, k, (enum lineage_kind)kind, carries}));
            *bits = 0;
        }
    }
}

/* Atoms by what they are tied to: those of one root stand together, linked. */
struct knots {
    uint32_t *head, *next; /* atom + 1; 0 ends */
    uint32_t *seen;        /* the output that has taken this knot last, + 1 */
};

static struct knots knots_new(const struct lineage_walk *w)
{
    struct knots k = {
        .head = ARENA_ARRAY(w->mem, uint32_t, w->atoms.len + 1),
        .next = ARENA_ARRAY(w->mem, uint32_t, w->atoms.len + 1),
        .seen = ARENA_ARRAY(w->mem, uint32_t, w->atoms.len + 1),
    };

    for (uint32_t i = 0; i < w->atoms.len; i++) {
        uint32_t root = lineage_root(w, i);

        k.next[i] = k.head[root];
        k.head[root] = i + 1;
    }
    return k;
}

static bool has_direct(const struct matrix *m, const struct lineage_atom *atom)
{
    return atom->input >= 0 && m->bits[m->first[atom->input] + atom->column] != 0;
}

/* What an output is tied to carries too; an edge that is there already needs no other. */
static void mark_ties(const struct lineage_walk *w, struct matrix *m, struct knots *knots,
                      const struct lineage_set *set, uint32_t output)
{
    for (size_t i = 0; i < set->len; i++) {
        uint32_t root = lineage_root(w, set->at[i].atom);

        if (knots->seen[root] == output + 1)
            continue;
        knots->seen[root] = output + 1;
        for (uint32_t at = knots->head[root]; at; at = knots->next[at - 1])
            if (!has_direct(m, &w->atoms.at[at - 1]))
                mark(m, &w->atoms.at[at - 1], w->atoms.at[at - 1].bits);
    }
}

static void mark_all(struct matrix *m)
{
    for (uint32_t i = 0; i < m->len; i++)
        m->bits[i] |= 1 << LINEAGE_TRANSFORMATION;
}

static void write_edges(struct lineage_walk *w, const struct lineage_fields *fields,
                        const struct lineage_set *rows, struct lineage *out)
{
    struct matrix m = matrix_new(w->mem, w->inputs);
    struct knots knots = knots_new(w);

    for (size_t i = 0; i < fields->len; i++) {
        struct lineage_output *output = vec_add(w->mem, &out->outputs);
        const struct lineage_set *set = fields->at[i].set;

        output->name = fields->at[i].name;
        for (size_t k = 0; !out->is_everything && k < set->len; k++)
            mark(&m, &w->atoms.at[set->at[k].atom], set->at[k].bits);
        if (out->is_everything)
            mark_all(&m);
        else
            mark_ties(w, &m, &knots, set, (uint32_t)i);
        take_edges(w->mem, &m, true, &output->edges);
    }
    for (size_t k = 0; !out->is_everything && k < rows->len; k++)
        mark(&m, &w->atoms.at[rows->at[k].atom], rows->at[k].bits);
    take_edges(w->mem, &m, false, &out->rows);
}

const struct lineage *lineage_read(struct arena *mem, const struct sql_tree *tree,
                                   const struct lineage_inputs *inputs,
                                   const struct str_list *result)
{
    struct lineage_walk w = {.mem = mem, .inputs = inputs};
    struct lineage *out = ARENA_NEW(mem, struct lineage);
    struct lineage_result found = {0};
    struct lineage_fields fields = {0};
    struct lineage_set nothing = {0};

    map_init(&w.known, mem);
    if (sql_hides_alias(mem, tree->text))
        w.is_spent = true;
    else
        lineage_query(&w, tree->root, NULL, &found);
    if (result && !w.is_spent && !fit_names(&w, &found.fields, result, &fields))
        w.is_spent = true;
    out->is_everything = w.is_spent;
    if (!result)
        fields = found.fields;
    if (w.is_spent) {
        fields = (struct lineage_fields){0};
        for (size_t i = 0; result && i < result->len; i++)
            vec_push(mem, &fields,
                     ((struct lineage_field){.name = result->at[i], .set = &nothing}));
        if (!result)
            vec_push(mem, &fields, ((struct lineage_field){.set = &nothing, .is_open = true}));
    }
    for (size_t i = 0; i < fields.len; i++)
        out->is_open = out->is_open || fields.at[i].is_open;
    write_edges(&w, &fields, &found.rows, out);
    return out;
}
