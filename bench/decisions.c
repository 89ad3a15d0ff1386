/* Decisions a second, in process: kept ones, and cold ones over so many policies.
 *
 * usage: decisions FOLDER POLICIES COLD KEPT THREADS
 *
 * A third of the policies are grants of contracts to groups, a third filters and a third masks by tags; the table has 20 columns. Each cold
 * decision is another actor's. Prints one JSON object. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "buf/buf.h"
#include "clock/clock.h"
#include "document/document.h"
#include "embed/embed.h"
#include "image/image_decision.h"
#include "image/images.h"
#include "mesh_state/mesh_state.h"
#include "product/product.h"
#include "task/task.h"

enum { COLUMNS = 20, ACTORS_KEPT = 512 };

static void stop(const struct task *t)
{
    fprintf(stderr, "decisions: " STR_FMT "\n", STR_ARG(t->err.message));
    exit(1);
}

static void add_file(struct task *t, struct bundle *bundle, str path, str text)
{
    vec_push(t->mem, bundle, ((struct bundle_file){.path = path, .text = text}));
}

static str contract(struct task *t)
{
    struct buf *b = buf_new(t->mem, 1 << 20);
    buf_add(b, STR("apiVersion: v3.1.0\nkind: DataContract\nid: contract-0\nversion: 1.0.0\nstatus: "
                   "active\nschema:\n  - name: t\n    tags: [rows-1]\n    properties:\n"
                   "      - {name: country, logicalType: string}\n"));
    for (int i = 1; i < COLUMNS; i++)
        buf_format(b, "      - {name: c%d, logicalType: string, tags: [label-%d]}\n", i, i);
    return buf_str(b);
}

static str policy(struct task *t, int i)
{
    struct buf *b = buf_new(t->mem, 4096);
    buf_format(b, "apiVersion: weft/v1\nkind: Policy\nid: p%d\ndescription: d\nowner: o\n", i);
    if (i % 3 == 0) /* of one contract, since a grant of a contract that is not there is refused */
        buf_format(b, "grant: {contract: contract-0, to: {groups: [group-%d]}}\n", i % 100);
    else if (i % 3 == 1)
        buf_format(b,
                   "filter: {tables: {tag: [rows-%d]}, where: \"country = 'CH'\", except: {groups: "
                   "[group-%d]}}\n",
                   i % 50, i % 70);
    else
        buf_format(b,
                   "mask: {columns: {tags: [label-%d]}, with: {method: \"null\"}, except: {groups: "
                   "[group-%d]}}\n",
                   i % 50, i % 70);
    return buf_str(b);
}

struct apply {
    struct bundle bundle;
    struct model *model;
};

static bool apply(struct task *t, struct metadb *db, void *state)
{
    const struct apply *a = state;
    struct mesh_state now;
    return mesh_state_apply(t, db, 0, true, &now) && document_replace(t, db, &a->bundle)
        && product_assign_ids(t, db, a->model, now.image_version);
}

static void make_mesh(struct task *t, struct metadb *db, int policies)
{
    struct apply a = {0};
    struct report report;
    report_init(&report, t->mem);
    add_file(t, &a.bundle, STR("domains/d/domain.yaml"),
             STR("apiVersion: weft/v1\nkind: Domain\nname: d\ntitle: D\nalignment: source\nowners: "
                 "[user:ana]\n"));
    add_file(t, &a.bundle, STR("domains/d/p/c.odcs.yaml"), contract(t));
    add_file(t, &a.bundle, STR("domains/d/p/product.odps.yaml"),
             STR("apiVersion: v1.0.0\nkind: DataProduct\nid: p\nname: p\nversion: 1.0.0\nstatus: "
                 "active\noutputPorts: [{name: c, version: 1.0.0, contractId: contract-0}]\n"));
    add_file(t, &a.bundle, STR("domains/d/p/t.sql"), STR("SELECT 1\n"));
    add_file(t, &a.bundle, STR("mesh.yaml"),
             STR("apiVersion: weft/v1\nkind: Mesh\nname: bench\nadmins: [user:ana]\nguild: "
                 "[user:ana]\n"));
    for (int i = 0; i < policies; i++)
        add_file(t, &a.bundle, arena_format(t->mem, "policies/p%05d.policy.yaml", i), policy(t, i));
    if (!document_parse(t, t->mem, &a.bundle, &report))
        stop(t);
    a.model = model_compile(t->mem, &a.bundle, &report);
    if (report.errors) {
        struct buf *b = buf_new(t->mem, 1 << 20);
        report_text(&report, b);
        fprintf(stderr, STR_FMT, STR_ARG(buf_str(b)));
        exit(1);
    }
    if (!metadb_write(t, db, apply, &a))
        stop(t);
}

static struct policy_actor actor_of(struct task *t, int i)
{
    struct policy_actor actor = {.name = arena_format(t->mem, "user-%d", i)};
    vec_push(t->mem, &actor.groups, STR("group-0"));
    vec_push(t->mem, &actor.groups, arena_format(t->mem, "group-%d", i % 100));
    return actor;
}

static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6
         + (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
}

struct kept {
    struct images *images;
    const struct image *image;
    const struct image_table *table;
    long count;
    pthread_barrier_t *start;
};

static void *look(void *state)
{
    const struct kept *kept = state;
    struct task *t = task_new();
    struct policy_actor actors[ACTORS_KEPT];
    for (int i = 0; i < ACTORS_KEPT; i++)
        actors[i] = actor_of(t, i);
    for (int i = 0; i < ACTORS_KEPT; i++)
        (void)image_decide(t, kept->image, &actors[i], 1, kept->table);
    pthread_barrier_wait(kept->start);
    size_t seen = 0;
    for (long i = 0; i < kept->count; i++)
        seen += image_decide(t, kept->image, &actors[i % ACTORS_KEPT], 1, kept->table)->columns.len;
    CHECK(seen > 0);
    task_free(t);
    return NULL;
}

static double run_kept(struct kept *kept, int threads)
{
    pthread_t ids[64];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, (unsigned)threads + 1);
    kept->start = &start;
    for (int i = 0; i < threads; i++)
        CHECK(pthread_create(&ids[i], NULL, look, kept) == 0);
    pthread_barrier_wait(&start);
    int64_t before_us = clock_now_us();
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    return (double)(clock_now_us() - before_us) / 1e6;
}

static long number(const char *text)
{
    int64_t value;
    CHECK(str_to_i64(str_of(text), &value) && value > 0 && value < 1000000000);
    return (long)value;
}

int main(int count, char **arguments)
{
    struct task *t = task_new();
    struct metadb *db;
    struct images *images;
    if (count != 6)
        return 2;
    int policies = (int)number(arguments[2]), cold = (int)number(arguments[3]);
    int threads = (int)number(arguments[5]);
    if (!metadb_open(t, arena_format(t->mem, "%s/catalog.db", arguments[1]), METADB_CATALOG, &db)
        || !metadb_migrate(t, db, embedded_migrations, embedded_migrations_len))
        stop(t);
    make_mesh(t, db, policies);
    if (!images_open(t, db, &images))
        stop(t);
    const struct image *image = image_pin(t, images);
    const struct image_table *table =
        &image_find_product(image, STR("d"), STR("p"))->tables.at[0];
    struct policy_actor *actors = ARENA_ARRAY(t->mem, struct policy_actor, (size_t)cold);
    for (int i = 0; i < cold; i++)
        actors[i] = actor_of(t, i + 100000);
    double cold_cpu = cpu_s();
    int64_t before_us = clock_now_us();
    for (int i = 0; i < cold; i++)
        CHECK(image_decide(t, image, &actors[i], 1, table)->allowed);
    double cold_s = (double)(clock_now_us() - before_us) / 1e6;
    cold_cpu = cpu_s() - cold_cpu;
    struct kept kept = {
        .images = images, .image = image, .table = table, .count = number(arguments[4])};
    double kept_cpu = cpu_s(), kept_s = run_kept(&kept, threads);
    kept_cpu = cpu_s() - kept_cpu;
    printf("{\"policies\":%d,\"cold\":%d,\"cold_s\":%.6f,\"cold_cpu_s\":%.6f,\"kept\":%ld,\"kept_s\":"
           "%.6f,\"kept_cpu_s\":%.6f,\"threads\":%d}\n",
           policies, cold, cold_s, cold_cpu, kept.count * threads, kept_s, kept_cpu, threads);
    task_free(t);
    images_close(images);
    metadb_close(db);
    return 0;
}
