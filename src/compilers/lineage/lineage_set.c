/* Sets of atoms, and ties between atoms. */
#include <string.h>

#include "lineage_inside.h"

bool lineage_step(struct lineage_walk *w, size_t steps)
{
    w->steps += steps;
    w->is_spent = w->is_spent || w->steps > LINEAGE_STEPS_MAX;
    return !w->is_spent;
}

static uint32_t in_role(enum lineage_role role, uint32_t bits)
{
    static const enum lineage_kind kinds[] = {
        [LINEAGE_AS_CONDITION] = LINEAGE_CONDITIONAL, [LINEAGE_AS_WINDOW] = LINEAGE_WINDOW,
        [LINEAGE_AS_FILTER] = LINEAGE_FILTER,         [LINEAGE_AS_JOIN] = LINEAGE_JOIN,
        [LINEAGE_AS_GROUP] = LINEAGE_GROUP_BY,        [LINEAGE_AS_SORT] = LINEAGE_SORT,
    };
    uint32_t direct = bits & LINEAGE_DIRECT;

    switch (role) {
    case LINEAGE_AS_IS:
        return bits;
    case LINEAGE_AS_OPERAND:
        if (bits & 1 << LINEAGE_IDENTITY)
            direct = (direct & ~(1u << LINEAGE_IDENTITY)) | 1 << LINEAGE_TRANSFORMATION;
        return (bits & ~(uint32_t)LINEAGE_DIRECT) | direct;
    case LINEAGE_AS_ARGUMENT:
        return (bits & ~(uint32_t)LINEAGE_DIRECT) | (direct ? 1 << LINEAGE_AGGREGATION : 0);
    default:
        return (bits & ~(uint32_t)LINEAGE_ALL_KINDS) | 1u << kinds[role];
    }
}

/* Where the atom is, or belongs. */
static size_t place_of(const struct lineage_set *set, uint32_t atom)
{
    size_t low = 0, high = set->len;

    if (high && set->at[high - 1].atom < atom)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (set->at[middle].atom < atom)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool lineage_add(struct lineage_walk *w, struct lineage_set *set, uint32_t atom, uint32_t bits)
{
    size_t at = place_of(set, atom);

    if (at < set->len && set->at[at].atom == atom) {
        uint32_t before = set->at[at].bits;

        set->at[at].bits |= bits;
        return set->at[at].bits != before;
    }
    if (!lineage_step(w, 1 + (set->len - at) / 16))
        return false;
    vec_push(w->mem, set, ((struct lineage_part){atom, bits}));
    memmove(&set->at[at + 1], &set->at[at], (set->len - 1 - at) * sizeof *set->at);
    set->at[at] = (struct lineage_part){atom, bits};
    return true;
}

bool lineage_merge(struct lineage_walk *w, struct lineage_set *set, const struct lineage_set *from,
                   enum lineage_role role, uint32_t more, uint32_t less)
{
    bool is_changed = false;

    if (!lineage_step(w, 1 + from->len))
        return false;
    for (size_t i = 0; i < from->len; i++) {
        uint32_t bits = (in_role(role, from->at[i].bits) | more) & ~less;

        is_changed = lineage_add(w, set, from->at[i].atom, bits) || is_changed;
    }
    return is_changed;
}

struct lineage_set *lineage_set_new(struct lineage_walk *w)
{
    return ARENA_NEW(w->mem, struct lineage_set);
}

uint32_t lineage_atoms(struct lineage_walk *w, const void *node, uint32_t number, uint32_t len)
{
    struct {
        const void *node;
        uint64_t number;
    } key = {node, number};
    str text = {(const char *)&key, sizeof key};
    uint32_t *first = map_find(&w->known, text);

    if (first)
        return *first;
    first = ARENA_NEW(w->mem, uint32_t);
    *first = (uint32_t)w->atoms.len;
    map_put(&w->known, arena_str(w->mem, text), first);
    for (uint32_t i = 0; i < len; i++) {
        struct lineage_atom *atom = vec_add(w->mem, &w->atoms);

        *atom = (struct lineage_atom){
            .input = -1, .column = -1, .occurrence = w->occurrences, .tied = *first + i};
    }
    w->occurrences++;
    lineage_step(w, len);
    return *first;
}

void lineage_make(struct lineage_walk *w, struct lineage_set *set, const void *node,
                  uint32_t number)
{
    lineage_add(w, set, lineage_atoms(w, node, number, 1), 1 << LINEAGE_IDENTITY | LINEAGE_TIES);
}

const struct lineage_set *lineage_everything(struct lineage_walk *w)
{
    if (w->all)
        return w->all;
    struct lineage_set *all = lineage_set_new(w);

    for (size_t i = 0; i < w->inputs->len; i++) {
        uint32_t len = (uint32_t)w->inputs->at[i].columns.len;
        uint32_t first = lineage_atoms(w, &w->inputs->at[i], 0, len);

        for (uint32_t k = 0; k < len; k++) {
            w->atoms.at[first + k].input = (int64_t)i;
            w->atoms.at[first + k].column = k;
            lineage_add(w, all, first + k, 1 << LINEAGE_TRANSFORMATION | LINEAGE_TIES);
        }
    }
    w->all = all;
    return all;
}

uint32_t lineage_root(const struct lineage_walk *w, uint32_t atom)
{
    while (w->atoms.at[atom].tied != atom)
        atom = w->atoms.at[atom].tied;
    return atom;
}

uint32_t lineage_tie(struct lineage_walk *w, const struct lineage_set *mentioned,
                     enum lineage_kind kind)
{
    const struct lineage_part *first = NULL;
    bool is_wide = false;

    if (!lineage_step(w, mentioned->len))
        return 0;
    for (size_t i = 0; i < mentioned->len; i++) {
        const struct lineage_part *part = &mentioned->at[i];

        if (!(part->bits & LINEAGE_TIES))
            continue;
        if (!first) {
            first = part;
            continue;
        }
        struct lineage_atom *one = &w->atoms.at[first->atom], *other = &w->atoms.at[part->atom];
        uint32_t a = lineage_root(w, first->atom), b = lineage_root(w, part->atom);

        /* The smaller one stays: chains stay short enough, and the answer does not depend on the order. */
        w->atoms.at[a < b ? b : a].tied = a < b ? a : b;
        one->bits |= 1u << kind;
        other->bits |= 1u << kind;
        is_wide = is_wide || one->occurrence != other->occurrence;
    }
    return is_wide ? LINEAGE_LOOSE : 0;
}
