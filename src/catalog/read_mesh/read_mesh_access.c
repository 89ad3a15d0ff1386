/* Grants of files and agreements, and access requests: takers see their own, a domain those on its products. */
#include "read_access/read_access.h"
#include "read_mesh/read_mesh_inside.h"

/* A build declares no purpose, so that the grant of a product's agreement demands none: the agreement says what it was given for. */
static const struct str_list *purposes_of(const struct policy *grant,
                                          const struct access_request_list *agreed)
{
    uint64_t id;
    for (size_t i = 0; read_access_is_agreement(grant, &id) && i < agreed->len; i++)
        if (agreed->at[i]->id == id)
            return &agreed->at[i]->purposes;
    return &grant->purposes;
}

static void add_grant(struct mesh_view *view, const struct policy *grant,
                      const struct str_list *purposes, const struct access_taker *taker,
                      const struct image_table *table)
{
    uint64_t id;
    bool is_agreement = read_access_is_agreement(grant, &id);
    read_mesh_text(view, grant->id);
    read_mesh_text(view, is_agreement ? STR("agreement") : STR("file"));
    read_mesh_text(view, table->product->address);
    read_mesh_text(view, image_table_address(view->t->mem, table));
    read_mesh_text(view, grant->contract);
    read_mesh_text(view, grant->role);
    read_mesh_text(view, str_of(access_request_taker_name(taker->kind)));
    read_mesh_text(view, taker->name);
    read_mesh_list(view, purposes);
    read_mesh_time(view, grant->until_us);
    read_mesh_text(view, grant->file);
    if (is_agreement)
        read_mesh_null(view);
    else
        read_mesh_int(view, grant->place.line);
    read_mesh_text(view, grant->description);
}

static void add_grants_of(struct mesh_view *view, const struct policy *grant,
                          const struct str_list *purposes, const struct access_taker *taker,
                          bool knows_all)
{
    const struct actor *actor = view->t->actor;
    bool is_own = read_access_is_taker(view->image, actor, taker->kind, taker->name);
    for (size_t i = 0; i < view->products.len; i++) {
        const struct image_product *product = view->products.at[i].product;
        if (!knows_all && !is_own && !read_access_is_of_team(view->image, actor, product->address))
            continue;
        for (size_t j = 0; j < product->tables.len; j++) {
            struct arena_mark mark = arena_mark(view->t->mem);
            bool opens = read_access_opens(view->t->mem, grant, taker, &product->tables.at[j]);
            arena_rewind(view->t->mem, mark);
            if (opens)
                add_grant(view, grant, purposes, taker, &product->tables.at[j]);
        }
    }
}

bool read_mesh_grants(struct mesh_view *view)
{
    bool knows_all = read_access_governs(view->image, view->t->actor);
    struct access_request_list agreed;
    if (!access_request_in_force(view->t, view->t->mem, view->db, &agreed))
        return false;
    for (size_t i = 0; i < view->image->policies.len; i++) {
        const struct policy *grant = &view->image->policies.at[i];
        struct access_takers takers;
        if (grant->effect != POLICY_GRANT)
            continue;
        read_access_takers(view->t->mem, grant, &takers);
        for (size_t j = 0; j < takers.len; j++)
            add_grants_of(view, grant, purposes_of(grant, &agreed), &takers.at[j], knows_all);
    }
    return true;
}

static void add_request(struct mesh_view *view, const struct access_request *row)
{
    read_mesh_int(view, row->id);
    read_mesh_text(view, str_of(access_state_name(row->state)));
    read_mesh_text(view, row->product);
    read_mesh_text(view, row->table);
    read_mesh_text(view, row->contract);
    read_mesh_text(view, row->role);
    read_mesh_text(view, str_of(access_request_taker_name(row->taker_kind)));
    read_mesh_text(view, row->taker);
    read_mesh_list(view, &row->purposes);
    read_mesh_time(view, row->until_us);
    read_mesh_text(view, row->reason);
    read_mesh_text(view, row->requested_by);
    read_mesh_time(view, row->requested_us);
    read_mesh_time(view, row->changed_us);
    if (row->previous > 0)
        read_mesh_int(view, row->previous);
    else
        read_mesh_null(view);
}

bool read_mesh_access_requests(struct mesh_view *view)
{
    struct access_request_list rows;
    if (!access_request_list(view->t, view->db, 0, &rows))
        return false;
    for (size_t i = 0; i < rows.len; i++)
        if (read_access_may_know(view->t->mem, view->image, view->t->actor, rows.at[i]))
            add_request(view, rows.at[i]);
    return true;
}
