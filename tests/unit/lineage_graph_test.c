#include "lineage/lineage_graph.h"
#include "test.h"

static void link_up(struct arena *mem, struct lineage_links *links, uint32_t from, uint32_t to)
{
    vec_push(mem, links, ((struct lineage_link){from, to}));
}

/* 0 -> 1 -> 3 -> 4, 0 -> 2 -> 3, 5 alone */
static const struct lineage_graph *diamond(struct arena *mem)
{
    struct lineage_links links = {0};

    link_up(mem, &links, 0, 1);
    link_up(mem, &links, 0, 2);
    link_up(mem, &links, 1, 3);
    link_up(mem, &links, 2, 3);
    link_up(mem, &links, 3, 4);
    link_up(mem, &links, 3, 99);
    return lineage_graph_new(mem, 6, &links);
}

TEST(all_that_a_node_depends_on_comes_once_nearest_first)
{
    struct arena *mem = test_task()->mem;
    const struct lineage_graph *graph = diamond(mem);
    struct lineage_closure up = {0}, down = {0}, alone = {0};

    lineage_close(mem, graph, 4, LINEAGE_UPSTREAM, 100, &up);
    EXPECT_INT(up.len, 4);
    EXPECT_INT(up.at[0].node, 3);
    EXPECT_INT(up.at[3].node, 0);
    EXPECT_INT(up.at[3].distance, 3);
    lineage_close(mem, graph, 0, LINEAGE_DOWNSTREAM, 100, &down);
    EXPECT_INT(down.len, 4);
    EXPECT_INT(down.at[3].node, 4);
    lineage_close(mem, graph, 5, LINEAGE_DOWNSTREAM, 100, &alone);
    lineage_close(mem, graph, 77, LINEAGE_UPSTREAM, 100, &alone);
    EXPECT_INT(alone.len, 0);
}

TEST(a_search_ends_after_so_many_steps)
{
    struct arena *mem = test_task()->mem;
    struct lineage_closure near = {0};

    lineage_close(mem, diamond(mem), 0, LINEAGE_DOWNSTREAM, 1, &near);
    EXPECT_INT(near.len, 2);
}

TEST(a_circle_leads_back_once)
{
    struct arena *mem = test_task()->mem;
    struct lineage_links links = {0};
    struct lineage_closure found = {0};

    link_up(mem, &links, 0, 1);
    link_up(mem, &links, 1, 0);
    lineage_close(mem, lineage_graph_new(mem, 2, &links), 0, LINEAGE_DOWNSTREAM, 100, &found);
    EXPECT_INT(found.len, 2);
    EXPECT_INT(found.at[1].node, 0);
}
