/* Does a later decision take anything from those who read by an earlier one? Pure. */
#include "buf/buf.h"
#include "gate_inside.h"

enum { PART_BYTES_MAX = 64 << 20 };

/* A decision of nothing else than this part has bytes that tell its meaning. */
static str part_bytes(struct arena *mem, const struct decision *part, const uint32_t *column)
{
    struct buf *b = buf_new(mem, PART_BYTES_MAX);
    policy_class(b, 0, part, column, column ? 1 : 0);
    CHECK(!b->full);
    return buf_str(b);
}

static str column_bytes(struct arena *mem, const struct decision_column *column)
{
    struct decision part = {.allowed = true};
    vec_push(mem, &part.columns, *column);
    return part_bytes(mem, &part, &column->id);
}

static str filter_bytes(struct arena *mem, const struct decision_filter *filter)
{
    struct decision part = {.allowed = true};
    vec_push(mem, &part.filters, *filter);
    return part_bytes(mem, &part, NULL);
}

static const struct decision_column *find_column(const struct decision *decision, uint32_t id)
{
    for (size_t i = 0; i < decision->columns.len; i++)
        if (decision->columns.at[i].id == id)
            return &decision->columns.at[i];
    return NULL;
}

static bool shows_as_much(struct arena *mem, const struct decision_column *before,
                          const struct decision_column *after)
{
    if (after == NULL)
        return false;
    /* Of NULL there is nothing to take. */
    if (before->mask.method == MASK_NULL)
        return true;
    return !policy_is_masked(after) || str_eq(column_bytes(mem, before), column_bytes(mem, after));
}

/* Both are sorted by bytes and distinct. */
static bool has_all_values(const struct str_list *all, const struct str_list *some)
{
    size_t at = 0;
    for (size_t i = 0; i < some->len; i++) {
        while (at < all->len && str_compare(all->at[at], some->at[i]) < 0)
            at++;
        if (at == all->len || !str_eq(all->at[at], some->at[i]))
            return false;
    }
    return true;
}

/* Every row that `before` shows is one that `after` shows, too. */
static bool is_wider(struct arena *mem, const struct decision_filter *before,
                     const struct decision_filter *after)
{
    if (before->form == FILTER_VALUES && after->form == FILTER_VALUES
        && before->column.id == after->column.id && str_eq(before->column.type, after->column.type))
        return has_all_values(&after->values, &before->values);
    return before->form == after->form
        && str_eq(filter_bytes(mem, before), filter_bytes(mem, after));
}

str gate_why_denied(const struct decision *decision)
{
    str why = STR("nothing is granted by default");
    for (size_t i = 0; i < decision->reasons.len; i++)
        if (str_eq(decision->reasons.at[i].effect, STR("deny"))) {
            why = decision->reasons.at[i].text;
            /* A grant that ended says more than that there is none. */
            if (!str_eq(decision->reasons.at[i].policy, STR("default")))
                break;
        }
    return why;
}

/* `mask` or `filter`, and the policy behind it where the decision tells. */
static str why_changed(struct arena *mem, const struct decision *after, const char *effect,
                       str column, const char *what)
{
    for (size_t i = 0; i < after->reasons.len; i++) {
        const struct decision_reason *reason = &after->reasons.at[i];
        if (str_eq(reason->effect, str_of(effect))
            && (!column.len || str_eq(reason->column, column)))
            return arena_format(mem, "%s by policy " STR_FMT, what, STR_ARG(reason->policy));
    }
    return str_of(what);
}

bool gate_takes_nothing(struct arena *mem, const struct decision *before,
                        const struct decision *after, str *why_out)
{
    if (!after->allowed || after->columns.len == 0) {
        *why_out = gate_why_denied(after);
        return false;
    }
    for (size_t i = 0; i < before->columns.len; i++) {
        const struct decision_column *column = &before->columns.at[i];
        const struct decision_column *now = find_column(after, column->id);
        if (shows_as_much(mem, column, now))
            continue;
        str what = now ? why_changed(mem, after, "mask", column->name, "is masked")
                       : why_changed(mem, after, "deny", column->name, "is denied");
        *why_out =
            arena_format(mem, "column " STR_FMT " " STR_FMT, STR_ARG(column->name), STR_ARG(what));
        return false;
    }
    for (size_t i = 0; !gate_shows_no_row(before) && i < after->filters.len; i++) {
        bool is_kept = false;
        for (size_t k = 0; k < before->filters.len && !is_kept; k++)
            is_kept = is_wider(mem, &before->filters.at[k], &after->filters.at[i]);
        if (is_kept)
            continue;
        *why_out = why_changed(mem, after, "filter", STR_NONE, "rows are filtered");
        return false;
    }
    return true;
}
