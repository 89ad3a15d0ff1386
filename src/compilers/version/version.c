#include "version/version.h"

static str version_plain(str version)
{
    bool has_v = version.len > 1 && (version.ptr[0] == 'v' || version.ptr[0] == 'V')
              && version.ptr[1] >= '0' && version.ptr[1] <= '9';
    return has_v ? str_from(version, 1) : version;
}

bool version_same(str a, str b)
{
    return str_eq(version_plain(a), version_plain(b));
}

static bool is_digits(str text)
{
    return text.len && str_digits_at(text, 0) == text.len;
}

/* Of digits, as many as there are. */
static int compare_digits(str a, str b)
{
    while (a.len && a.ptr[0] == '0')
        a = str_from(a, 1);
    while (b.len && b.ptr[0] == '0')
        b = str_from(b, 1);
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return str_compare(a, b);
}

static bool compare_numbers(str a, str b, int *order_out)
{
    *order_out = 0;
    while (a.len || b.len) {
        str x = STR("0"), y = STR("0");
        if (a.len)
            (void)str_cut(a, '.', &x, &a);
        if (b.len)
            (void)str_cut(b, '.', &y, &b);
        if (!is_digits(x) || !is_digits(y))
            return false;
        *order_out = *order_out ? *order_out : compare_digits(x, y);
    }
    return true;
}

/* Of `rc.1` and its kin: part by part, numbers before words, what goes on after what ends. */
static int compare_previews(str a, str b)
{
    int order = 0;
    while (order == 0 && a.len && b.len) {
        str x, y;
        (void)str_cut(a, '.', &x, &a);
        (void)str_cut(b, '.', &y, &b);
        order = is_digits(x) && is_digits(y) ? compare_digits(x, y)
              : is_digits(x) != is_digits(y) ? is_digits(y) - is_digits(x)
                                             : str_compare(x, y);
    }
    return order ? order : (a.len > 0) - (b.len > 0);
}

bool version_order(str a, str b, int *order_out)
{
    str build, numbers_a, numbers_b, preview_a, preview_b;
    (void)str_cut(version_plain(a), '+', &a, &build);
    (void)str_cut(version_plain(b), '+', &b, &build);
    bool is_preview_a = str_cut(a, '-', &numbers_a, &preview_a);
    bool is_preview_b = str_cut(b, '-', &numbers_b, &preview_b);
    if (!numbers_a.len || !numbers_b.len || !compare_numbers(numbers_a, numbers_b, order_out))
        return false;
    if (*order_out == 0)
        *order_out = is_preview_a && is_preview_b ? compare_previews(preview_a, preview_b)
                                                  : is_preview_b - is_preview_a;
    return true;
}

/* Digits alone: no sign, no space. */
static bool read_number(str text, int64_t *out)
{
    int64_t number = 0;
    if (!text.len)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        number = number * 10 + (text.ptr[i] - '0');
        if (number > VERSION_NUMBER_MAX)
            return false;
    }
    *out = number;
    return true;
}

/* How many numbers there are; 0 where that is no version. */
static int read_parts(str text, struct version *out)
{
    str rest = version_plain(text), part;
    int count = 0;
    bool is_more = true;
    *out = (struct version){0};
    while (is_more) {
        if (count == VERSION_PARTS)
            return 0;
        is_more = str_cut(rest, '.', &part, &rest);
        if (!read_number(part, &out->at[count]))
            return 0;
        count++;
    }
    return count;
}

bool version_read(str text, struct version *out)
{
    return read_parts(text, out) > 0;
}

int version_compare(const struct version *a, const struct version *b)
{
    for (int i = 0; i < VERSION_PARTS; i++)
        if (a->at[i] != b->at[i])
            return a->at[i] < b->at[i] ? -1 : 1;
    return 0;
}

/* The first version after all that begin with these numbers. */
static struct version after(const struct version *version, int count)
{
    struct version next = {0};
    for (int i = 0; i < count; i++)
        next.at[i] = version->at[i];
    next.at[count - 1]++;
    return next;
}

static void raise_least(struct version_range *range, struct version least)
{
    if (version_compare(&least, &range->least) > 0)
        range->least = least;
}

static void lower_below(struct version_range *range, struct version below)
{
    if (version_compare(&below, &range->below) < 0)
        range->below = below;
}

/* `^0.2` is 0.2.x: before 1.0.0 a minor may break. */
static int caret_parts(const struct version *version, int count)
{
    int part = 1;
    while (part < count && version->at[part - 1] == 0)
        part++;
    return part;
}

static bool add_term(struct version_range *range, str mark, str text)
{
    struct version version;
    int count = read_parts(text, &version);
    if (!count)
        return false;
    struct version next = after(&version, count);
    if (str_eq(mark, STR(">="))) {
        raise_least(range, version);
    } else if (str_eq(mark, STR(">"))) {
        raise_least(range, next);
    } else if (str_eq(mark, STR("<="))) {
        lower_below(range, next);
    } else if (str_eq(mark, STR("<"))) {
        lower_below(range, version);
    } else if (str_eq(mark, STR("="))) {
        raise_least(range, version);
        lower_below(range, next);
    } else if (str_eq(mark, STR("^"))) {
        raise_least(range, version);
        lower_below(range, after(&version, caret_parts(&version, count)));
    } else if (str_eq(mark, STR("~"))) {
        raise_least(range, version);
        lower_below(range, after(&version, count > 2 ? 2 : count));
    } else {
        return false;
    }
    return true;
}

static str mark_of(str term)
{
    size_t len = 0;
    while (len < term.len && len < 2
           && (term.ptr[len] == '<' || term.ptr[len] == '>' || term.ptr[len] == '='
               || term.ptr[len] == '^' || term.ptr[len] == '~'))
        len++;
    return str_sub(term, 0, len);
}

bool version_range_read(struct arena *mem, str text, struct version_range *out, str *problem_out)
{
    str rest = text, term;
    size_t terms = 0;
    *problem_out = STR_NONE;
    *out = (struct version_range){.below = {{(int64_t)VERSION_NUMBER_MAX + 1}}};
    while (rest.len) {
        (void)str_cut(rest, ' ', &term, &rest);
        if (!term.len)
            continue;
        str mark = mark_of(term);
        if (!add_term(out, mark, str_from(term, mark.len))) {
            *problem_out =
                arena_format(mem, STR_FMT " is no part of a range of versions", STR_ARG(term));
            return false;
        }
        terms++;
    }
    if (!terms)
        *problem_out = STR("a range of versions says something");
    else if (version_compare(&out->least, &out->below) >= 0)
        *problem_out = STR("no version is in this range");
    return !problem_out->len;
}

bool version_range_holds(const struct version_range *range, const struct version *version)
{
    return version_compare(version, &range->least) >= 0
        && version_compare(version, &range->below) < 0;
}
