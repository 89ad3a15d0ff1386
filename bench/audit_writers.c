/* Durable audit rows a second: so many writers at once, each with so many rows on their way to the disk.
 *
 * usage: audit_writers FOLDER WRITERS ROWS IN_FLIGHT change|query
 *
 * `change` appends rows. `query` has one in flight: it announces a query, waits, and posts its end: two rows of the chain and the query's own
 * rows, of which only the first is waited for, as in an answer. Prints one JSON object; the chain is verified behind it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "chain/chain.h"
#include "clock/clock.h"
#include "embed/embed.h"
#include "query_row/query_row.h"

enum { WRITERS_MAX = 1024 };

struct bench {
    struct metadb *db;
    bool is_query;
    uint64_t rows_each, in_flight;
    pthread_barrier_t start;
};

static const struct actor ACTOR = {
    .kind = ACTOR_USER, .name = STR("noor"), .purpose = STR("reporting"), .door = STR("http")};

static const char DETAIL[] =
    "{\"purpose\":\"reporting\",\"digest\":"
    "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\",\"policyVersion\":3,"
    "\"error\":\"\",\"tables\":[{\"table\":\"sales.orders.orders\",\"release\":12,\"class\":\"\","
    "\"linked\":[\"60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752\"],"
    "\"read\":[\"id\",\"amount\"]}]}";

static void stop(const struct task *t)
{
    fprintf(stderr, "audit_writers: " STR_FMT "\n", STR_ARG(t->err.message));
    exit(1);
}

/* A row on its way, with the task that waits for it. */
struct slot {
    struct task *t;
    struct arena_mark mark;
    struct metadb_ticket *ticket;
    char id[37];
};

static bool append(struct task *t, struct metadb *db, void *state)
{
    const struct slot *slot = state;

    return audit_append(t, db, STR("query"), str_of(slot->id), STR("allowed"), str_of(DETAIL),
                        NULL);
}

static void await(struct slot *slot)
{
    if (slot->ticket != NULL && !metadb_write_end(slot->t, slot->ticket))
        stop(slot->t);
    slot->ticket = NULL;
    arena_rewind(slot->t->mem, slot->mark);
}

static void write_changes(struct bench *bench)
{
    struct slot *slots = calloc(bench->in_flight, sizeof *slots);
    CHECK(slots != NULL);

    for (uint64_t i = 0; i < bench->in_flight; i++) {
        slots[i].t = task_new();
        slots[i].t->actor = &ACTOR;
        slots[i].mark = arena_mark(slots[i].t->mem);
    }
    for (uint64_t i = 0; i < bench->rows_each; i++) {
        struct slot *slot = &slots[i % bench->in_flight];

        await(slot);
        clock_uuid(slot->id);
        slot->ticket = metadb_write_begin(slot->t, bench->db, append, slot);
    }
    for (uint64_t i = 0; i < bench->in_flight; i++) {
        await(&slots[i]);
        task_free(slots[i].t);
    }
    free(slots);
}

static bool write_query(struct task *t, struct bench *bench)
{
    struct query_row *row = ARENA_NEW(t->mem, struct query_row);
    struct query_row_table *table = vec_add(t->mem, &row->tables);

    row->text = STR("SELECT id, amount FROM sales.orders.orders WHERE id = 4711");
    row->policy_version = 3;
    *table = (struct query_row_table){
        .table_id = 7, .address = STR("sales.orders.orders"), .release = 12};
    vec_push(t->mem, &table->files,
             STR("60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"));
    vec_push(t->mem, &table->columns, ((struct query_row_column){1, STR("id")}));
    vec_push(t->mem, &table->columns, ((struct query_row_column){2, STR("amount")}));
    if (!query_row_announced(t, query_row_announce(t, bench->db, row)))
        return false;
    query_row_end(bench->db, row, STR("done"), ERR_NONE, 1, 40, 1500);
    return true;
}

static void *writer(void *state)
{
    struct bench *bench = state;
    struct task *t = task_new();

    t->actor = &ACTOR;
    pthread_barrier_wait(&bench->start);
    for (uint64_t i = 0; bench->is_query && i < bench->rows_each; i++) {
        struct arena_mark mark = arena_mark(t->mem);

        if (!write_query(t, bench))
            stop(t);
        arena_rewind(t->mem, mark);
    }
    if (!bench->is_query)
        write_changes(bench);
    task_free(t);
    return NULL;
}

static double cpu_s(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec)
         + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static bool is_done(struct task *t, struct metadb *db, void *state)
{
    (void)t, (void)db, (void)state;
    return true;
}

int main(int argc, char **argv)
{
    struct task *t = task_new();
    struct bench bench = {0};
    struct chain_verdict verdict;
    pthread_t threads[WRITERS_MAX];
    uint64_t writers, rows, before;
    struct chain_head last;

    if (argc != 6 || !str_to_u64(str_of(argv[2]), &writers) || writers == 0
        || writers > WRITERS_MAX || !str_to_u64(str_of(argv[3]), &rows)
        || !str_to_u64(str_of(argv[4]), &bench.in_flight) || bench.in_flight == 0) {
        fprintf(stderr, "usage: audit_writers FOLDER WRITERS ROWS IN_FLIGHT change|query\n");
        return 2;
    }
    bench.is_query = str_eq(str_of(argv[5]), STR("query"));
    bench.rows_each = rows / writers / (bench.is_query ? 2 : 1);
    t->actor = &ACTOR;
    if (!metadb_open(t, arena_format(t->mem, "%s/catalog.db", argv[1]), METADB_CATALOG, &bench.db)
        || !metadb_migrate(t, bench.db, embedded_migrations, embedded_migrations_len)
        || !chain_last(t, bench.db, &last))
        stop(t);
    before = last.sequence;
    pthread_barrier_init(&bench.start, NULL, (unsigned)writers + 1);
    for (uint64_t i = 0; i < writers; i++)
        if (pthread_create(&threads[i], NULL, writer, &bench) != 0)
            return 1;
    double cpu = cpu_s();
    int64_t start_us = clock_monotonic_us();
    pthread_barrier_wait(&bench.start);
    for (uint64_t i = 0; i < writers; i++)
        pthread_join(threads[i], NULL);
    /* What was posted is part of the work: it is waited for. */
    if (!metadb_write(t, bench.db, is_done, NULL))
        stop(t);
    double wall_s = (double)(clock_monotonic_us() - start_us) / 1e6;
    cpu = cpu_s() - cpu;
    if (!chain_verify(t, bench.db, NULL, NULL, &verdict) || verdict.fault != CHAIN_WHOLE)
        stop(t);
    printf("{\"rows\":%llu,\"wall_s\":%.6f,\"cpu_s\":%.6f}\n",
           (unsigned long long)(verdict.rows - before), wall_s, cpu);
    metadb_close(bench.db);
    task_free(t);
    return 0;
}
