#include "sql/sql_order.h"

enum order_mark { ORDER_NEW, ORDER_OPEN, ORDER_DONE };

struct order {
    const struct sql_unit *units;
    size_t len;
    enum order_mark *marks;
    size_t *out;
    size_t out_len;
    struct str_list path;
};

static const struct sql_unit *order_find(const struct order *o, const struct sql_table *table,
                                         size_t *index_out)
{
    if (table->catalog.len > 0 || !str_eq_nocase(table->schema, STR("self"))) {
        return NULL;
    }
    for (size_t i = 0; i < o->len; i++) {
        if (o->units[i].is_internal && str_eq_nocase(o->units[i].name, table->name)) {
            *index_out = i;
            return &o->units[i];
        }
    }
    return NULL;
}

static bool order_visit(struct task *t, struct order *o, size_t index)
{
    const struct sql_unit *unit = &o->units[index];
    size_t next = 0;

    vec_push(t->mem, &o->path, unit->name);
    if (o->marks[index] == ORDER_OPEN) {
        task_fail(t, ERR_INVALID, "internal tables read each other in a circle: %.*s",
                  STR_ARG(str_list_join(t->mem, &o->path, STR(" -> "))));
        return task_hint(t, "take the part that both need into a table of its own");
    }
    if (o->marks[index] == ORDER_NEW) {
        o->marks[index] = ORDER_OPEN;
        for (size_t i = 0; i < unit->tree->tables.len; i++) {
            if (order_find(o, &unit->tree->tables.at[i], &next) != NULL
                && !order_visit(t, o, next)) {
                return false;
            }
        }
        o->marks[index] = ORDER_DONE;
        o->out[o->out_len++] = index;
    }
    o->path.len--;
    return true;
}

bool sql_order(struct task *t, const struct sql_unit *units, size_t len, size_t *order_out)
{
    struct order o = {
        .units = units,
        .len = len,
        .marks = ARENA_ARRAY(t->mem, enum order_mark, len + 1),
        .out = order_out,
    };

    for (int outputs = 0; outputs < 2; outputs++) {
        for (size_t i = 0; i < len; i++) {
            if (units[i].is_internal == !outputs && o.marks[i] == ORDER_NEW
                && !order_visit(t, &o, i)) {
                return false;
            }
        }
    }
    return true;
}
