/* The SELECTs that compare. They go the way of every query, so they see what their actor sees. */
#include "buf/buf.h"
#include "diff_inside.h"
#include "limits/limits.h"

static void add_list(struct buf *b, const struct str_list *names, const char *before,
                     const char *after, const char *between)
{
    for (size_t i = 0; i < names->len; i++) {
        buf_format(b, "%s%s", i ? between : "", before);
        buf_add_identifier(b, names->at[i]);
        buf_format(b, "%s", after);
    }
}

static void add_sides(struct buf *b, const struct diff_table *table)
{
    const char *sides[] = {"a", "b"};
    const str names[] = {table->from, table->to};

    for (size_t i = 0; i < 2; i++) {
        buf_format(b, "%s %s AS (SELECT ", i ? "," : "WITH", sides[i]);
        add_list(b, &table->keys, "", "", ", ");
        buf_format(b, "%s", table->keys.len && table->columns.len ? ", " : "");
        add_list(b, &table->columns, "", "", ", ");
        buf_format(b, " FROM %.*s)", STR_ARG(names[i]));
    }
}

static void add_join(struct buf *b, const struct diff_table *table)
{
    buf_format(b, " FROM a FULL JOIN b ON ");
    for (size_t i = 0; i < table->keys.len; i++) {
        buf_format(b, "%sa.", i ? " AND " : "");
        buf_add_identifier(b, table->keys.at[i]);
        buf_format(b, " = b.");
        buf_add_identifier(b, table->keys.at[i]);
    }
}

/* `a.key IS NULL`: no row of that side. */
static void add_missing(struct buf *b, const struct diff_table *table, const char *side)
{
    buf_format(b, "%s.", side);
    buf_add_identifier(b, table->keys.at[0]);
    buf_format(b, " IS NULL");
}

static void add_both(struct buf *b, const struct diff_table *table)
{
    buf_format(b, "NOT (");
    add_missing(b, table, "a");
    buf_format(b, " OR ");
    add_missing(b, table, "b");
    buf_format(b, ")");
}

static void add_differs(struct buf *b, str column)
{
    buf_format(b, "a.");
    buf_add_identifier(b, column);
    buf_format(b, " IS DISTINCT FROM b.");
    buf_add_identifier(b, column);
}

static str whole_rows_sql(struct arena *mem, const struct diff_table *table)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX);

    add_sides(b, table);
    buf_format(b, " SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b), "
                  "(SELECT count(*) FROM (SELECT * FROM b EXCEPT ALL SELECT * FROM a)), "
                  "(SELECT count(*) FROM (SELECT * FROM a EXCEPT ALL SELECT * FROM b))");
    return buf_str(b);
}

str diff_count_sql(struct arena *mem, const struct diff_table *table)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX);

    if (table->keys.len == 0) {
        return whole_rows_sql(mem, table);
    }
    add_sides(b, table);
    buf_format(b, " SELECT count(a.");
    buf_add_identifier(b, table->keys.at[0]);
    buf_format(b, "), count(b.");
    buf_add_identifier(b, table->keys.at[0]);
    buf_format(b, "), count(*) FILTER (WHERE ");
    add_missing(b, table, "a");
    buf_format(b, "), count(*) FILTER (WHERE ");
    add_missing(b, table, "b");
    buf_format(b, "), count(*) FILTER (WHERE ");
    add_both(b, table);
    buf_format(b, " AND (false");
    for (size_t i = 0; i < table->columns.len; i++) {
        buf_format(b, " OR ");
        add_differs(b, table->columns.at[i]);
    }
    buf_format(b, "))");
    for (size_t i = 0; i < table->columns.len; i++) {
        buf_format(b, ", count(*) FILTER (WHERE ");
        add_both(b, table);
        buf_format(b, " AND ");
        add_differs(b, table->columns.at[i]);
        buf_format(b, ")");
    }
    buf_format(b, ", (SELECT count(*) FROM a), (SELECT count(*) FROM b)");
    add_join(b, table);
    return buf_str(b);
}

static void add_keys(struct buf *b, const struct diff_table *table, const char *side)
{
    for (size_t i = 0; i < table->keys.len; i++) {
        buf_format(b, "CAST(%s.", side);
        buf_add_identifier(b, table->keys.at[i]);
        buf_format(b, " AS VARCHAR) AS k%zu, ", i);
    }
}

static void add_end(struct buf *b, const struct diff_table *table, const char *side, uint64_t most)
{
    buf_format(b, " ORDER BY ");
    for (size_t i = 0; i < table->keys.len; i++) {
        buf_format(b, "%s%s.", i ? ", " : "", side);
        buf_add_identifier(b, table->keys.at[i]);
    }
    buf_format(b, " LIMIT %llu)", (unsigned long long)most);
}

/* Rows of one side that the other lacks. */
static void add_lone(struct buf *b, const struct diff_table *table, const char *what,
                     const char *side, const char *other, uint64_t most)
{
    buf_format(b, "(SELECT '%s' AS change, ", what);
    add_keys(b, table, side);
    buf_format(b, "NULL AS \"column\", NULL AS before, NULL AS after");
    add_join(b, table);
    buf_format(b, " WHERE ");
    add_missing(b, table, other);
    add_end(b, table, side, most);
}

static void add_changed(struct buf *b, const struct diff_table *table, str column, uint64_t most)
{
    buf_format(b, "(SELECT 'changed' AS change, ");
    add_keys(b, table, "b");
    buf_add_literal(b, column);
    buf_format(b, " AS \"column\", CAST(a.");
    buf_add_identifier(b, column);
    buf_format(b, " AS VARCHAR) AS before, CAST(b.");
    buf_add_identifier(b, column);
    buf_format(b, " AS VARCHAR) AS after");
    add_join(b, table);
    buf_format(b, " WHERE ");
    add_both(b, table);
    buf_format(b, " AND ");
    add_differs(b, column);
    add_end(b, table, "b", most);
}

/* Whole rows of one side beyond those of the other, each as one text. */
static void add_whole(struct buf *b, const struct diff_table *table, bool is_added, uint64_t most)
{
    buf_format(b, "(SELECT '%s' AS change, NULL AS \"column\", %s", is_added ? "added" : "removed",
               is_added ? "NULL AS before, " : "");
    buf_format(b, "CAST({");
    for (size_t i = 0; i < table->columns.len; i++) {
        buf_format(b, "%s", i ? ", " : "");
        buf_add_literal(b, table->columns.at[i]);
        buf_format(b, ": d.");
        buf_add_identifier(b, table->columns.at[i]);
    }
    buf_format(b, "} AS VARCHAR) AS %s FROM (SELECT * FROM %s EXCEPT ALL SELECT * FROM %s) AS d",
               is_added ? "after" : "before, NULL AS after", is_added ? "b" : "a",
               is_added ? "a" : "b");
    buf_format(b, " ORDER BY %s LIMIT %llu)", is_added ? "after" : "before",
               (unsigned long long)most);
}

static str whole_lines_sql(struct arena *mem, const struct diff_table *table, bool has_added,
                           bool has_removed, uint64_t most)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX);

    add_sides(b, table);
    buf_format(b, " ");
    if (has_added) {
        add_whole(b, table, true, most);
    }
    buf_format(b, "%s", has_added && has_removed ? " UNION ALL " : "");
    if (has_removed) {
        add_whole(b, table, false, most);
    }
    return buf_str(b);
}

str diff_rows_sql(struct arena *mem, const struct diff_table *table, const struct str_list *changed,
                  bool has_added, bool has_removed, uint64_t most)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX);
    const char *between = " ";

    if (table->keys.len == 0) {
        return whole_lines_sql(mem, table, has_added, has_removed, most);
    }
    add_sides(b, table);
    if (has_added) {
        buf_format(b, "%s", between);
        add_lone(b, table, "added", "b", "a", most);
        between = " UNION ALL ";
    }
    if (has_removed) {
        buf_format(b, "%s", between);
        add_lone(b, table, "removed", "a", "b", most);
        between = " UNION ALL ";
    }
    for (size_t i = 0; i < changed->len; i++) {
        buf_format(b, "%s", between);
        add_changed(b, table, changed->at[i], most);
        between = " UNION ALL ";
    }
    return buf_str(b);
}
