/* Edges of many statements as one graph in memory: what lies upstream and downstream of a node. Pure. */
#ifndef WEFT_LINEAGE_GRAPH_H
#define WEFT_LINEAGE_GRAPH_H

#include "vec/vec.h"

struct lineage_link {
    uint32_t from, to; /* numbers of nodes, from 0: `to` depends on `from` */
};

struct lineage_links {
    VEC_OF(struct lineage_link)
};

enum lineage_direction { LINEAGE_UPSTREAM, LINEAGE_DOWNSTREAM };

struct lineage_graph {
    uint32_t nodes;
    /* The neighbours of node n are at[start[n]] to at[start[n + 1]], by direction. */
    uint32_t *start[2], *at[2];
};

/* A node that has come to light, and how far it is from where the search began. */
struct lineage_reached {
    uint32_t node, distance;
};

struct lineage_closure {
    VEC_OF(
        struct
        lineage_reached) /* nearest first; without the node that was asked for, unless a circle leads back to it */
};

/* Links that name a node past the last are left out. */
const struct lineage_graph *lineage_graph_new(struct arena *mem, uint32_t nodes,
                                              const struct lineage_links *links);
/* All that a node depends on, or that depends on it, within so many steps. */
void lineage_close(struct arena *mem, const struct lineage_graph *graph, uint32_t node,
                   enum lineage_direction direction, uint32_t most_steps,
                   struct lineage_closure *out);

#endif
