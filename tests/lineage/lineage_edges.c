/* Lineage for tests and benches: one JSON object a line in, one a line out.
 *
 * In: {"tables": [{"schema", "name", "columns": [[name, type], …]}, …], "text", "tree", "result": [name, …] or null}
 * Out: {"is_open", "is_everything", "outputs": [{"name", "edges": [[table, column, kind, carries], …]}, …], "rows": […]}
 * With `--bench SECONDS` the statements are read again and again, and how many is printed. `--closure NODES` measures closures over a
 * made graph of so many columns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock/clock.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "lineage/lineage.h"
#include "lineage/lineage_graph.h"
#include "json/json.h"

enum { LINE_BYTES_MAX = 64 << 20 };

static const struct json_limits limits = {
    .bytes = LINE_BYTES_MAX, .depth = JSON_DEPTH_MAX, .nodes = 4000000};

struct question {
    struct task *t;
    struct sql_tree *tree;
    struct lineage_inputs inputs;
    struct str_list result;
    bool has_result;
};

static void read_tables(struct arena *mem, const struct tree *tables, struct lineage_inputs *out)
{
    for (size_t i = 0; tables && i < tables->len; i++) {
        struct lineage_input *input = vec_add(mem, out);
        const struct tree *columns = tree_find(tables->at[i], STR("columns"));

        input->schema = tree_find_text(tables->at[i], STR("schema"));
        input->name = tree_find_text(tables->at[i], STR("name"));
        for (size_t k = 0; columns && k < columns->len; k++)
            vec_push(mem, &input->columns,
                     ((struct lineage_column){columns->at[k]->at[0]->text,
                                              columns->at[k]->at[1]->text}));
    }
}

static bool read_question(struct question *q, str line)
{
    struct tree *document;
    str statement;

    if (!json_read(q->t, q->t->mem, line, &limits, &document))
        return false;
    const struct tree *result = tree_find(document, STR("result"));

    read_tables(q->t->mem, tree_find(document, STR("tables")), &q->inputs);
    q->has_result = result != NULL;
    for (size_t i = 0; result && i < result->len; i++)
        vec_push(q->t->mem, &q->result, result->at[i]->text);
    return sql_statement(q->t, tree_find_text(document, STR("text")), &statement)
        && sql_read(q->t, statement, tree_find(document, STR("tree")), &q->tree);
}

static const struct lineage *answer(struct arena *mem, const struct question *q)
{
    return lineage_read(mem, q->tree, &q->inputs, q->has_result ? &q->result : NULL);
}

static void write_edges(struct json_out *o, const char *key, const struct lineage_inputs *inputs,
                        const struct lineage_edges *edges)
{
    json_out_begin(o, key, '[');
    for (size_t i = 0; i < edges->len; i++) {
        const struct lineage_edge *edge = &edges->at[i];

        json_out_begin(o, "", '[');
        json_out_str(o, "", inputs->at[edge->input].name);
        json_out_str(o, "", inputs->at[edge->input].columns.at[edge->column].name);
        json_out_str(o, "", lineage_kind_name(edge->kind));
        json_out_bool(o, "", edge->carries);
        json_out_end(o, ']');
    }
    json_out_end(o, ']');
}

static void write_answer(struct buf *b, const struct question *q, const struct lineage *lineage)
{
    struct json_out o = {.b = b};

    json_out_begin(&o, "", '{');
    json_out_bool(&o, "is_open", lineage->is_open);
    json_out_bool(&o, "is_everything", lineage->is_everything);
    json_out_begin(&o, "outputs", '[');
    for (size_t i = 0; i < lineage->outputs.len; i++) {
        json_out_begin(&o, "", '{');
        json_out_str(&o, "name", lineage->outputs.at[i].name);
        write_edges(&o, "edges", &q->inputs, &lineage->outputs.at[i].edges);
        json_out_end(&o, '}');
    }
    json_out_end(&o, ']');
    write_edges(&o, "rows", &q->inputs, &lineage->rows);
    json_out_end(&o, '}');
    buf_add_byte(b, '\n');
}

static void answer_line(str line)
{
    struct question q = {.t = task_new()};
    struct buf *b = buf_new(q.t->mem, LINE_BYTES_MAX);

    if (read_question(&q, line)) {
        write_answer(b, &q, answer(q.t->mem, &q));
    } else {
        buf_format(b, "{\"error\":");
        buf_add_json(b, q.t->err.message);
        buf_format(b, "}\n");
    }
    fwrite(b->ptr, 1, b->len, stdout);
    task_free(q.t);
}

static int bench(struct question *questions, size_t len, int64_t seconds)
{
    struct arena *mem = arena_new();
    int64_t start = clock_monotonic_ms(), now = start;
    size_t read = 0, edges = 0;

    while (now - start < seconds * 1000) {
        for (size_t i = 0; i < len; i++) {
            struct arena_mark mark = arena_mark(mem);
            const struct lineage *lineage = answer(mem, &questions[i]);

            edges += lineage->rows.len;
            for (size_t k = 0; k < lineage->outputs.len; k++)
                edges += lineage->outputs.at[k].edges.len;
            arena_rewind(mem, mark);
        }
        read += len;
        now = clock_monotonic_ms();
    }
    printf("{\"statements\":%zu,\"ms\":%lld,\"edges\":%zu}\n", read, (long long)(now - start),
           edges);
    arena_free(mem);
    return 0;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Of this thread: a machine that is busy otherwise does not count. */
static int64_t cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Columns of tables that are made of one another: each of up to four of the thousand before it. */
static int bench_closure(uint32_t nodes)
{
    enum { QUESTIONS = 2000, REACH = 1000, INPUTS = 4 };
    struct arena *mem = arena_new();
    struct lineage_links links = {0};
    static int64_t times[QUESTIONS], cpu_times[QUESTIONS];
    uint64_t state = 88172645463325252ull;
    size_t most = 0;

    for (uint32_t i = 1; i < nodes; i++)
        for (uint32_t k = 0; k < INPUTS; k++) {
            uint32_t reach = i < REACH ? i : REACH;

            state = state * 6364136223846793005ull + 1442695040888963407ull;
            vec_push(mem, &links,
                     ((struct lineage_link){i - 1 - (uint32_t)(state >> 33) % reach, i}));
        }
    const struct lineage_graph *graph = lineage_graph_new(mem, nodes, &links);

    for (int i = 0; i < QUESTIONS; i++) {
        struct arena_mark mark = arena_mark(mem);
        struct lineage_closure found = {0};

        state = state * 6364136223846793005ull + 1442695040888963407ull;
        int64_t start = clock_monotonic_us(), cpu = cpu_us();

        lineage_close(mem, graph, (uint32_t)(state >> 33) % nodes,
                      i % 2 ? LINEAGE_UPSTREAM : LINEAGE_DOWNSTREAM, UINT32_MAX, &found);
        times[i] = clock_monotonic_us() - start;
        cpu_times[i] = cpu_us() - cpu;
        most = found.len > most ? found.len : most;
        arena_rewind(mem, mark);
    }
    qsort(times, QUESTIONS, sizeof times[0], compare);
    qsort(cpu_times, QUESTIONS, sizeof cpu_times[0], compare);
    printf("{\"nodes\":%u,\"links\":%zu,\"most_reached\":%zu,\"p50_us\":%lld,\"p99_us\":%lld,"
           "\"p99_cpu_us\":%lld}\n",
           nodes, links.len, most, (long long)times[QUESTIONS / 2],
           (long long)times[QUESTIONS * 99 / 100], (long long)cpu_times[QUESTIONS * 99 / 100]);
    arena_free(mem);
    return 0;
}

int main(int count, char **arguments)
{
    int64_t seconds = 0;
    char *line = NULL;
    size_t cap = 0, len = 0;
    struct question *questions = NULL;

    if (count == 3 && strcmp(arguments[1], "--bench") == 0)
        seconds = strtol(arguments[2], NULL, 10);
    if (count == 3 && strcmp(arguments[1], "--closure") == 0)
        return bench_closure((uint32_t)strtoul(arguments[2], NULL, 10));
    for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;) {
        str text = str_trim((str){line, (size_t)n});

        if (!seconds) {
            answer_line(text);
            continue;
        }
        questions = realloc(questions, (len + 1) * sizeof *questions);
        CHECK(questions != NULL);
        questions[len] = (struct question){.t = task_new()};
        text = arena_str(questions[len].t->mem, text);
        if (!read_question(&questions[len], text)) {
            fprintf(stderr, "%s\n", questions[len].t->err.message.ptr);
            return 1;
        }
        len++;
    }
    if (seconds && len)
        return bench(questions, len, seconds);
    return 0;
}
