#include "lineage/lineage_graph.h"

static bool is_inside(const struct lineage_graph *graph, const struct lineage_link *link)
{
    return link->from < graph->nodes && link->to < graph->nodes;
}

static void index_links(struct arena *mem, struct lineage_graph *graph,
                        const struct lineage_links *links, enum lineage_direction direction)
{
    uint32_t *start = ARENA_ARRAY(mem, uint32_t, (size_t)graph->nodes + 2);
    uint32_t *at = ARENA_ARRAY(mem, uint32_t, links->len + 1);
    bool is_up = direction == LINEAGE_UPSTREAM;

    for (size_t i = 0; i < links->len; i++)
        if (is_inside(graph, &links->at[i]))
            start[(is_up ? links->at[i].to : links->at[i].from) + 2]++;
    for (uint32_t i = 2; i < graph->nodes + 2; i++)
        start[i] += start[i - 1];
    /* Each start moves to the next one's as its neighbours are put: hence one place further. */
    for (size_t i = 0; i < links->len; i++)
        if (is_inside(graph, &links->at[i])) {
            uint32_t node = is_up ? links->at[i].to : links->at[i].from;

            at[start[node + 1]++] = is_up ? links->at[i].from : links->at[i].to;
        }
    graph->start[direction] = start;
    graph->at[direction] = at;
}

const struct lineage_graph *lineage_graph_new(struct arena *mem, uint32_t nodes,
                                              const struct lineage_links *links)
{
    struct lineage_graph *graph = ARENA_NEW(mem, struct lineage_graph);

    graph->nodes = nodes;
    index_links(mem, graph, links, LINEAGE_UPSTREAM);
    index_links(mem, graph, links, LINEAGE_DOWNSTREAM);
    return graph;
}

void lineage_close(struct arena *mem, const struct lineage_graph *graph, uint32_t node,
                   enum lineage_direction direction, uint32_t most_steps,
                   struct lineage_closure *out)
{
    const uint32_t *start = graph->start[direction], *at = graph->at[direction];
    uint8_t *seen = arena_alloc(mem, graph->nodes / 8 + 1);
    struct lineage_reached now = {node, 0};

    if (node >= graph->nodes)
        return;
    /* Room for all at once: growing step by step copies more than the search reads. */
    if (out->len == 0) {
        out->at = ARENA_ARRAY(mem, struct lineage_reached, (size_t)graph->nodes + 1);
        out->cap = graph->nodes;
    }
    for (size_t next = out->len;; now = out->at[next++]) {
        for (uint32_t i = start[now.node]; now.distance < most_steps && i < start[now.node + 1];
             i++) {
            uint32_t other = at[i];

            if (seen[other / 8] & 1 << other % 8)
                continue;
            seen[other / 8] |= (uint8_t)(1 << other % 8);
            vec_push(mem, out, ((struct lineage_reached){other, now.distance + 1}));
        }
        if (next == out->len)
            return;
    }
}
