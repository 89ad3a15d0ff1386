/* Where files begin, given where they could and where they did. */
#include "parts/parts.h"

enum { ROWS_LEAST_SHARE = 4 };

struct part_limits part_limits(uint64_t rows, uint64_t bytes, uint64_t rows_most,
                               uint64_t bytes_most, size_t files_most)
{
    struct part_limits limits = {.rows_most = rows_most, .files_most = files_most};
    double bytes_each = rows ? (double)bytes / (double)rows : 0;
    /* By halves: were it as exact as can be, each release would cut at other places. */
    while (limits.rows_most / 2 >= ROWS_LEAST_SHARE
           && bytes_each * (double)limits.rows_most > (double)bytes_most)
        limits.rows_most /= 2;
    limits.rows_least = limits.rows_most / ROWS_LEAST_SHARE;
    return limits;
}

/* A range of atoms that is one file. */
struct span {
    size_t from, to;
    uint64_t rows;
    bool is_pure; /* rows of one value, and no others */
};

struct spans {
    struct span *at;
    size_t len;
};

static struct span span_of(const struct part_atom *atoms, size_t from, size_t to)
{
    struct span span = {.from = from, .to = to};
    size_t filled = 0;
    for (size_t i = from; i < to; i++) {
        span.rows += atoms[i].rows;
        filled += atoms[i].rows > 0;
        span.is_pure = span.is_pure || (atoms[i].rows && atoms[i].is_value);
    }
    span.is_pure = span.is_pure && filled == 1;
    return span;
}

static void mark(const struct part_atom *atoms, size_t len, bool *begins)
{
    for (size_t i = 0; i < len; i++)
        begins[i] = i == 0 || atoms[i].is_cut || atoms[i].is_value || atoms[i - 1].is_value;
}

/* A range that is too large is cut where three quarters of a file are full. What would be left over and is too small stays. */
static void split(const struct part_atom *atoms, size_t from, size_t to,
                  const struct part_limits *limits, bool *begins)
{
    uint64_t left = span_of(atoms, from, to).rows, filled = 0;
    uint64_t wanted = limits->rows_most - limits->rows_least;
    if (left <= limits->rows_most)
        return;
    for (size_t i = from; i < to; i++) {
        if (filled && filled + atoms[i].rows > wanted && left >= limits->rows_least) {
            begins[i] = true;
            filled = 0;
        }
        filled += atoms[i].rows;
        left -= atoms[i].rows;
    }
}

static size_t end_of(const bool *begins, size_t len, size_t from)
{
    size_t to = from + 1;
    while (to < len && !begins[to])
        to++;
    return to;
}

static bool can_join(const struct span *small, const struct span *other,
                     const struct part_limits *limits)
{
    if (!small->rows || !other->rows)
        return true;
    /* A few rows beside those of one value would take their proof from these; and a small file costs little. */
    return !other->is_pure && small->rows + other->rows <= limits->rows_most;
}

/* The neighbour that a small range joins: the smaller of those it may. Spans without rows join any. */
static bool find_neighbour(const struct spans *spans, size_t i, const struct part_limits *limits,
                           size_t *out)
{
    const struct span *small = &spans->at[i];
    bool has_left = i > 0 && can_join(small, &spans->at[i - 1], limits);
    bool has_right = i + 1 < spans->len && can_join(small, &spans->at[i + 1], limits);
    if (!has_left && !has_right)
        return false;
    *out =
        has_left && (!has_right || spans->at[i - 1].rows <= spans->at[i + 1].rows) ? i - 1 : i + 1;
    return true;
}

static bool join_smallest(const struct part_atom *atoms, struct spans *spans,
                          const struct part_limits *limits)
{
    size_t smallest = spans->len, neighbour = 0, other;
    for (size_t i = 0; i < spans->len; i++)
        if (spans->at[i].rows < limits->rows_least
            && (smallest == spans->len || spans->at[i].rows < spans->at[smallest].rows)
            && find_neighbour(spans, i, limits, &other)) {
            smallest = i;
            neighbour = other;
        }
    if (smallest == spans->len)
        return false;
    size_t left = smallest < neighbour ? smallest : neighbour;
    spans->at[left] = span_of(atoms, spans->at[left].from, spans->at[left + 1].to);
    for (size_t i = left + 1; i + 1 < spans->len; i++)
        spans->at[i] = spans->at[i + 1];
    spans->len--;
    return true;
}

size_t parts_choose(const struct part_atom *atoms, size_t len, const struct part_limits *limits,
                    bool *begins)
{
    struct arena *mem = arena_new();
    struct spans spans = {.at = ARENA_ARRAY(mem, struct span, len + 1)};
    mark(atoms, len, begins);
    for (size_t from = 0, to; from < len; from = to) {
        to = end_of(begins, len, from);
        split(atoms, from, to, limits, begins);
    }
    for (size_t from = 0, to; from < len; from = to) {
        to = end_of(begins, len, from);
        spans.at[spans.len++] = span_of(atoms, from, to);
    }
    while (spans.len > 1 && join_smallest(atoms, &spans, limits))
        ;
    for (size_t i = 0; i < len; i++)
        begins[i] = false;
    for (size_t i = 0; i < spans.len; i++)
        begins[spans.at[i].from] = true;
    size_t count = spans.len;
    arena_free(mem);
    return count;
}
