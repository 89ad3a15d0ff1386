#include "actor/actor.h"

#include "buf/buf.h"
#include "limits/limits.h"

bool actor_is_operator(const struct actor *actor)
{
    return actor->kind == ACTOR_OPERATOR;
}

const char *actor_kind_name(enum actor_kind kind)
{
    static const char *const NAMES[] = {
        [ACTOR_USER] = "user",
        [ACTOR_PRODUCT] = "product",
        [ACTOR_OPERATOR] = "operator",
    };
    return NAMES[kind];
}

/* No name can look like another name with a purpose behind it. */
static void add_escaped(struct buf *b, str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '/')
            buf_add(b, STR("%2f"));
        else if (name.ptr[i] == '%')
            buf_add(b, STR("%25"));
        else
            buf_add_byte(b, name.ptr[i]);
    }
}

str actor_key(struct arena *mem, const struct actor *actor)
{
    struct buf *b = buf_new(mem, DOCUMENT_BYTES_MAX);
    buf_format(b, "%s:", actor_kind_name(actor->kind));
    add_escaped(b, actor->name);
    buf_add_byte(b, '/');
    add_escaped(b, actor->purpose);
    CHECK(!b->full);
    return buf_str(b);
}

void actor_to_policy(const struct actor *actor, struct policy_actor *out)
{
    *out = (struct policy_actor){0};
    /* No policy can mean an operator: his name is another world's than the users'. */
    if (actor->kind == ACTOR_OPERATOR)
        return;
    out->name = actor->name;
    out->is_product = actor->kind == ACTOR_PRODUCT;
    out->groups = actor->groups;
    out->attributes = actor->attributes;
    out->purpose = actor->purpose;
}
