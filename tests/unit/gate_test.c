/* The gate's pure parts: names, proofs by facts, and what clearing workers are told. The rest is told by stories. */
#include "gate_inside.h"
#include "test.h"

static struct decision_filter filter_of(uint32_t column_id, const char *type, const char *literal)
{
    struct decision_filter filter = {
        .form = FILTER_VALUES, .column = {.id = column_id, .name = STR("c"), .type = str_of(type)}};
    vec_push(test_task()->mem, &filter.values, str_of(literal));
    return filter;
}

static struct decision_filter range_of(const char *type, const char *low, const char *high)
{
    return (struct decision_filter){.form = FILTER_RANGE,
                                    .column = {.id = 1, .name = STR("c"), .type = str_of(type)},
                                    .has_low = low != NULL,
                                    .low = str_of(low),
                                    .has_high = high != NULL,
                                    .high = str_of(high)};
}

/* A file of ten rows and the columns 1 and 2. */
static struct image_file *file_of(struct task *t)
{
    struct image_file *file = ARENA_NEW(t->mem, struct image_file);
    file->rows = 10;
    file->sha256 = STR("ab");
    vec_push(t->mem, &file->columns, 1);
    vec_push(t->mem, &file->columns, 2);
    return file;
}

static void add_values(struct task *t, struct image_file *file, uint32_t column_id, uint64_t nulls,
                       const char *first, const char *second)
{
    struct image_fact *fact = vec_add(t->mem, &file->facts);
    fact->column_id = column_id;
    fact->nulls = nulls;
    fact->has_values = true;
    vec_push(t->mem, &fact->values, str_of(first));
    if (second)
        vec_push(t->mem, &fact->values, str_of(second));
}

static void add_range(struct task *t, struct image_file *file, uint32_t column_id, uint64_t nulls,
                      const char *low, const char *high)
{
    struct image_fact *fact = vec_add(t->mem, &file->facts);
    fact->column_id = column_id;
    fact->nulls = nulls;
    fact->has_range = true;
    fact->low = str_of(low);
    fact->high = str_of(high);
}

static enum gate_proof prove(struct task *t, const struct image_file *file,
                             struct decision_filter filter)
{
    struct decision decision = {.allowed = true};
    vec_push(t->mem, &decision.filters, filter);
    return gate_prove(file, &decision);
}

TEST(facts_prove_by_listed_values)
{
    struct task *t = test_task();
    struct image_file *file = file_of(t);
    add_values(t, file, 1, 0, "CH", NULL);
    add_values(t, file, 2, 0, "CH", "DE");
    EXPECT_INT(prove(t, file, filter_of(1, "VARCHAR", "CH")), GATE_ALL_VISIBLE);
    EXPECT_INT(prove(t, file, filter_of(1, "VARCHAR", "ch")), GATE_ALL_HIDDEN);
    EXPECT_INT(prove(t, file, filter_of(2, "VARCHAR", "CH")), GATE_PROOF_NONE);
    EXPECT_INT(prove(t, file, filter_of(2, "VARCHAR", "FR")), GATE_ALL_HIDDEN);
}

TEST(nulls_are_hidden_by_every_filter)
{
    struct task *t = test_task();
    struct image_file *file = file_of(t);
    add_values(t, file, 1, 3, "CH", NULL);
    add_range(t, file, 2, 10, "", "");
    EXPECT_INT(prove(t, file, filter_of(1, "VARCHAR", "CH")), GATE_PROOF_NONE);
    EXPECT_INT(prove(t, file, filter_of(1, "VARCHAR", "DE")), GATE_ALL_HIDDEN);
    EXPECT_INT(prove(t, file, filter_of(2, "VARCHAR", "CH")), GATE_ALL_HIDDEN);
    EXPECT_INT(prove(t, file, filter_of(9, "VARCHAR", "CH")), GATE_ALL_HIDDEN);
}

TEST(facts_prove_by_a_range_of_one_value)
{
    struct task *t = test_task();
    struct image_file *file = file_of(t);
    add_range(t, file, 1, 0, "5", "5");
    add_range(t, file, 2, 0, "1", "9");
    EXPECT_INT(prove(t, file, filter_of(1, "INTEGER", "5")), GATE_ALL_VISIBLE);
    EXPECT_INT(prove(t, file, filter_of(1, "BIGINT", "05")), GATE_ALL_VISIBLE);
    EXPECT_INT(prove(t, file, filter_of(1, "INTEGER", "6")), GATE_ALL_HIDDEN);
    EXPECT_INT(prove(t, file, filter_of(2, "INTEGER", "5")), GATE_PROOF_NONE);
}

TEST(types_with_more_than_one_spelling_prove_nothing)
{
    struct task *t = test_task();
    struct image_file *file = file_of(t);
    add_values(t, file, 1, 0, "1.50", NULL);
    add_values(t, file, 2, 0, "2026-01-31", NULL);
    EXPECT_INT(prove(t, file, filter_of(1, "DECIMAL(5,2)", "1.5")), GATE_PROOF_NONE);
    EXPECT_INT(prove(t, file, filter_of(1, "DOUBLE", "1.50")), GATE_PROOF_NONE);
    EXPECT_INT(prove(t, file, filter_of(2, "DATE", "2026-01-31")), GATE_ALL_VISIBLE);
    EXPECT_INT(prove(t, file, filter_of(2, "DATE", "2026-02-01")), GATE_ALL_HIDDEN);
    EXPECT_INT(prove(t, file, filter_of(2, "DATE", "2026-1-31")), GATE_PROOF_NONE);
    EXPECT_INT(prove(t, file, filter_of(2, "TIMESTAMP", "2026-01-31")), GATE_PROOF_NONE);
    EXPECT_INT(prove(t, file, filter_of(2, "INTEGER", "5")), GATE_PROOF_NONE);
    EXPECT_INT(prove(t, file, filter_of(1, "HUGEINT", "99999999999999999999")), GATE_PROOF_NONE);
}

TEST(without_facts_nothing_is_proven)
{
    struct task *t = test_task();
    struct image_file *file = file_of(t);
    struct decision none = {.allowed = true};
    EXPECT_INT(prove(t, file, filter_of(1, "VARCHAR", "CH")), GATE_PROOF_NONE);
    EXPECT_INT(gate_prove(file, &none), GATE_ALL_VISIBLE);
    file->rows = 0;
    EXPECT_INT(gate_prove(file, &none), GATE_ALL_HIDDEN);
}

TEST(filters_are_proven_together)
{
    struct task *t = test_task();
    struct image_file *file = file_of(t);
    struct decision decision = {.allowed = true};
    add_values(t, file, 1, 0, "CH", NULL);
    vec_push(t->mem, &decision.filters, filter_of(1, "VARCHAR", "CH"));
    vec_push(t->mem, &decision.filters, filter_of(2, "VARCHAR", "x"));
    EXPECT_INT(gate_prove(file, &decision), GATE_PROOF_NONE);
    add_values(t, file, 2, 0, "y", NULL);
    EXPECT_INT(gate_prove(file, &decision), GATE_ALL_HIDDEN);
}

TEST(past_releases_have_one_spelling)
{
    str product;
    uint64_t number;
    EXPECT(gate_split_release(STR("profiles#41"), &product, &number));
    EXPECT_STR(product, "profiles");
    EXPECT_INT(number, 41);
    EXPECT(!gate_split_release(STR("profiles"), &product, &number));
    EXPECT(!gate_split_release(STR("profiles#"), &product, &number));
    EXPECT(!gate_split_release(STR("profiles#0"), &product, &number));
    EXPECT(!gate_split_release(STR("profiles#041"), &product, &number));
    EXPECT(!gate_split_release(STR("profiles#-1"), &product, &number));
    EXPECT(!gate_split_release(STR("profiles#4#1"), &product, &number));
    EXPECT(!gate_split_release(STR("profiles#99999999999999999999"), &product, &number));
}

TEST(a_build_reads_its_inputs_and_nothing_else)
{
    struct task *t = test_task();
    struct image_product product = {.address = STR("marketing.value")};
    struct gate_scope scope = {.product = &product};
    const struct gate_input *input;
    vec_push(t->mem, &scope.inputs,
             ((struct gate_input){.schema = STR("crm"), .name = STR("customers")}));
    vec_push(t->mem, &scope.inputs,
             ((struct gate_input){.schema = STR("self"), .name = STR("totals")}));
    struct sql_table name = {.schema = STR("CRM"), .name = STR("Customers"), .position = 15};
    EXPECT_OK(t, gate_resolve_input(t, &scope, &name, &input));
    EXPECT_STR(input->name, "customers");
    name = (struct sql_table){.schema = STR("crm"), .name = STR("custmers"), .position = 15};
    EXPECT_FAIL(t, ERR_UNKNOWN_NAME, gate_resolve_input(t, &scope, &name, &input));
    EXPECT_STR(t->err.message,
               "crm.custmers is no table of an input port of marketing.value, nor of self");
    EXPECT_STR(t->err.hint, "did you mean crm.customers?");
    EXPECT_INT(t->err.position, 15);
    name = (struct sql_table){.name = STR("totals")};
    EXPECT_FAIL(t, ERR_UNKNOWN_NAME, gate_resolve_input(t, &scope, &name, &input));
    EXPECT_STR(t->err.hint, "did you mean self.totals?");
    name = (struct sql_table){
        .catalog = STR("customer"), .schema = STR("profiles"), .name = STR("addresses")};
    EXPECT_FAIL(t, ERR_UNKNOWN_NAME, gate_resolve_input(t, &scope, &name, &input));
    EXPECT_STR(t->err.hint, "declare it as an input port and read it as PORT.TABLE");
    name = (struct sql_table){.catalog = STR("x"), .schema = STR("crm"), .name = STR("customers")};
    EXPECT_FAIL(t, ERR_UNKNOWN_NAME, gate_resolve_input(t, &scope, &name, &input));
    name = (struct sql_table){.name = STR("/etc/passwd")};
    EXPECT_FAIL(t, ERR_UNKNOWN_NAME, gate_resolve_input(t, &scope, &name, &input));
    EXPECT_STR(t->err.hint, "it may read crm.customers, self.totals");
}

TEST(columns_read_are_those_that_are_there)
{
    struct task *t = test_task();
    struct job_columns columns = {0};
    struct str_list named = {0}, read = {0};
    vec_push(t->mem, &columns, ((struct job_column){.name = STR("id")}));
    vec_push(t->mem, &columns, ((struct job_column){.name = STR("Name")}));
    vec_push(t->mem, &named, STR("name"));
    vec_push(t->mem, &named, STR("c"));
    gate_columns_read(t->mem, &named, &columns, &read);
    EXPECT_STR(str_list_join(t->mem, &read, STR(" ")), "Name");
    vec_push(t->mem, &named, STR("*"));
    read.len = 0;
    gate_columns_read(t->mem, &named, &columns, &read);
    EXPECT_STR(str_list_join(t->mem, &read, STR(" ")), "id Name");
}

static void add_column(struct task *t, struct decision *d, uint32_t id, const char *name,
                       enum mask_method mask)
{
    vec_push(
        t->mem, &d->columns,
        ((struct decision_column){
            .id = id, .name = str_of(name), .type = STR("VARCHAR"), .mask = {.method = mask}}));
}

static str names_of(struct task *t, const struct job_columns *columns)
{
    struct str_list names = {0};
    for (size_t i = 0; i < columns->len; i++)
        vec_push(
            t->mem, &names,
            arena_format(t->mem, STR_FMT ":%u", STR_ARG(columns->at[i].name), columns->at[i].id));
    return str_list_join(t->mem, &names, STR(" "));
}

TEST(a_clearing_worker_reads_no_masked_column)
{
    struct task *t = test_task();
    struct decision decision = {.allowed = true}, restricted;
    struct engine_job job = {0};
    add_column(t, &decision, 1, "a", MASK_NONE);
    add_column(t, &decision, 2, "b", MASK_NULL);
    add_column(t, &decision, 3, "later", MASK_NONE);
    gate_restrict(t->mem, &decision, file_of(t), &restricted);
    gate_clearing_add(t->mem, &restricted, STR("x.parquet"), STR_NONE, false, &job);
    EXPECT_STR(names_of(t, &job.layouts.at[0]), "a:1 b:2");
    EXPECT_STR(names_of(t, &job.views.at[0].columns), "a:1");
    EXPECT_STR(
        job.copies.at[0].text,
        "SELECT \"a\", CAST(NULL AS VARCHAR) AS \"b\" FROM source_0 ORDER BY file_row_number");
}

TEST(a_clearing_worker_reads_what_filters_need)
{
    struct task *t = test_task();
    struct decision decision = {.allowed = true}, restricted;
    struct engine_job job = {0};
    add_column(t, &decision, 2, "b", MASK_NULL);
    vec_push(t->mem, &decision.filters, filter_of(2, "VARCHAR", "x"));
    decision.filters.at[0].column.name = STR("b");
    gate_restrict(t->mem, &decision, file_of(t), &restricted);
    gate_clearing_add(t->mem, &restricted, STR("x.parquet"), STR_NONE, false, &job);
    EXPECT_STR(names_of(t, &job.layouts.at[0]), "b:2");
    EXPECT_STR(names_of(t, &job.views.at[0].columns), "b:2");
    EXPECT_STR(job.copies.at[0].text,
               "SELECT CAST(NULL AS VARCHAR) AS \"b\" FROM source_0 WHERE (\"b\" = 'x') "
               "ORDER BY file_row_number");
}

TEST(rows_without_visible_columns_still_count)
{
    struct task *t = test_task();
    struct decision decision = {.allowed = true}, restricted;
    struct engine_job job = {0};
    add_column(t, &decision, 7, "later", MASK_NONE);
    gate_restrict(t->mem, &decision, file_of(t), &restricted);
    gate_clearing_add(t->mem, &restricted, STR("x.parquet"), STR_NONE, false, &job);
    EXPECT_STR(names_of(t, &job.layouts.at[0]), "later:7");
    EXPECT_STR(job.copies.at[0].text,
               "SELECT CAST(NULL AS VARCHAR) AS \"later\" FROM source_0 ORDER BY file_row_number");
    EXPECT_STR(names_of(t, &job.views.at[0].columns), "later:7");
}

TEST(facts_prove_membership_in_several_values)
{
    struct task *t = test_task();
    struct image_file *file = file_of(t);
    add_values(t, file, 1, 0, "CH", "DE");
    struct decision_filter filter = filter_of(1, "VARCHAR", "CH");
    EXPECT_INT(prove(t, file, filter), GATE_PROOF_NONE);
    vec_push(t->mem, &filter.values, STR("DE"));
    EXPECT_INT(prove(t, file, filter), GATE_ALL_VISIBLE);
    filter.values.len = 0;
    EXPECT_INT(prove(t, file, filter), GATE_ALL_HIDDEN);
}

TEST(facts_prove_ranges_of_integers_and_dates_alone)
{
    struct task *t = test_task();
    struct image_file *file = file_of(t);
    add_range(t, file, 1, 0, "10", "20");
    EXPECT_INT(prove(t, file, range_of("INTEGER", "10", NULL)), GATE_ALL_VISIBLE);
    EXPECT_INT(prove(t, file, range_of("INTEGER", "9", "20")), GATE_ALL_VISIBLE);
    EXPECT_INT(prove(t, file, range_of("INTEGER", "11", NULL)), GATE_PROOF_NONE);
    EXPECT_INT(prove(t, file, range_of("INTEGER", "21", NULL)), GATE_ALL_HIDDEN);
    EXPECT_INT(prove(t, file, range_of("INTEGER", NULL, "9")), GATE_ALL_HIDDEN);
    EXPECT_INT(prove(t, file, range_of("DOUBLE", "9", NULL)), GATE_PROOF_NONE);
    EXPECT_INT(prove(t, file, range_of("VARCHAR", "0", NULL)), GATE_PROOF_NONE);
    struct decision_filter open = range_of("INTEGER", "20", NULL);
    open.low_is_open = true;
    EXPECT_INT(prove(t, file, open), GATE_ALL_HIDDEN);
    file->facts.at[0].low = STR("2026-01-01");
    file->facts.at[0].high = STR("2026-12-31");
    EXPECT_INT(prove(t, file, range_of("DATE", "2026-01-01", "2026-12-31")), GATE_ALL_VISIBLE);
    EXPECT_INT(prove(t, file, range_of("DATE", "2027-01-01", NULL)), GATE_ALL_HIDDEN);
    file->facts.at[0].nulls = 1;
    EXPECT_INT(prove(t, file, range_of("DATE", "2026-01-01", NULL)), GATE_PROOF_NONE);
}

/* ---- does a later decision take anything? */

static struct decision *shown(struct task *t, enum mask_method method)
{
    struct decision *decision = ARENA_NEW(t->mem, struct decision);
    decision->allowed = true;
    for (uint32_t id = 1; id <= 2; id++)
        vec_push(t->mem, &decision->columns,
                 ((struct decision_column){.id = id, .name = STR("c"), .type = STR("VARCHAR")}));
    decision->columns.at[0].mask.method = method;
    return decision;
}

static bool takes_nothing(struct task *t, const struct decision *before,
                          const struct decision *after)
{
    str why;
    return gate_takes_nothing(t->mem, before, after, &why);
}

TEST(a_decision_that_is_equal_or_looser_takes_nothing)
{
    struct task *t = test_task();
    struct decision *bare = shown(t, MASK_NONE), *masked = shown(t, MASK_NULL);
    EXPECT(takes_nothing(t, bare, bare));
    EXPECT(takes_nothing(t, masked, masked));
    EXPECT(takes_nothing(t, masked, bare));
    EXPECT(!takes_nothing(t, bare, masked));
    /* Who is shown nothing of a column loses nothing by another mask; of two others nobody can say. */
    EXPECT(takes_nothing(t, masked, shown(t, MASK_CONSTANT)));
    EXPECT(!takes_nothing(t, shown(t, MASK_CONSTANT), masked));
    EXPECT(!takes_nothing(t, shown(t, MASK_HASH), shown(t, MASK_CONSTANT)));
}

TEST(a_column_that_goes_takes_and_one_that_comes_does_not)
{
    struct task *t = test_task();
    struct decision *two = shown(t, MASK_NONE), *one = shown(t, MASK_NONE);
    one->columns.len = 1;
    EXPECT(!takes_nothing(t, two, one));
    EXPECT(takes_nothing(t, one, two));
    one->allowed = false;
    EXPECT(!takes_nothing(t, two, one));
}

TEST(a_filter_that_comes_or_narrows_takes)
{
    struct task *t = test_task();
    struct decision *all = shown(t, MASK_NONE), *some = shown(t, MASK_NONE),
                    *few = shown(t, MASK_NONE), *range = shown(t, MASK_NONE);
    vec_push(t->mem, &few->filters, filter_of(1, "VARCHAR", "CH"));
    vec_push(t->mem, &some->filters, filter_of(1, "VARCHAR", "CH"));
    vec_push(t->mem, &some->filters.at[0].values, STR("DE"));
    vec_push(t->mem, &range->filters, range_of("INTEGER", "1", NULL));
    EXPECT(!takes_nothing(t, all, some));
    EXPECT(takes_nothing(t, some, all));
    EXPECT(takes_nothing(t, few, some));
    EXPECT(!takes_nothing(t, some, few));
    EXPECT(!takes_nothing(t, some, range));
    EXPECT(takes_nothing(t, range, range));
    vec_push(t->mem, &few->filters, range_of("INTEGER", "1", NULL));
    EXPECT(takes_nothing(t, few, range));
    EXPECT(!takes_nothing(t, range, few));
    /* A filter without a value shows no row: there is none to take. */
    some->filters.at[0].values.len = 0;
    EXPECT(takes_nothing(t, some, few));
    EXPECT(!takes_nothing(t, few, some));
}

/* ---- by value */

static struct decision by_values(struct task *t, const char *type, const char *first,
                                 const char *second)
{
    struct decision decision = {.allowed = true};
    add_column(t, &decision, 1, "a", MASK_NONE);
    vec_push(t->mem, &decision.filters, filter_of(2, type, first));
    if (second)
        vec_push(t->mem, &decision.filters.at[0].values, str_of(second));
    return decision;
}

TEST(one_filter_of_values_with_one_spelling_is_cleared_by_value)
{
    struct task *t = test_task();
    struct decision decision = by_values(t, "VARCHAR", "CH", "DE");
    EXPECT(gate_is_by_value(&decision, 1));
    EXPECT(gate_is_by_value(&decision, 200));
    EXPECT(!gate_is_by_value(&decision, GATE_PATHS_MAX / 2 + 1));
    vec_push(t->mem, &decision.filters, range_of("INTEGER", "1", NULL));
    EXPECT(!gate_is_by_value(&decision, 1));
    decision = by_values(t, "INTEGER", "-7", "5");
    EXPECT(gate_is_by_value(&decision, 1));
    /* A row with 5 would stand in both copies. */
    decision = by_values(t, "INTEGER", "05", "5");
    EXPECT(!gate_is_by_value(&decision, 1));
    decision = by_values(t, "DECIMAL(5,2)", "1.5", "1.50");
    EXPECT(!gate_is_by_value(&decision, 1));
    decision = by_values(t, "VARCHAR", "CH", "CH");
    EXPECT(!gate_is_by_value(&decision, 1));
}

TEST(more_values_than_the_limit_are_one_copy)
{
    struct task *t = test_task();
    struct decision decision = by_values(t, "VARCHAR", "", NULL);
    for (int i = 1; i <= GATE_VALUES_MAX; i++)
        vec_push(t->mem, &decision.filters.at[0].values, arena_format(t->mem, "v%05d", i));
    EXPECT(!gate_is_by_value(&decision, 1));
    decision.filters.at[0].values.len--;
    EXPECT(gate_is_by_value(&decision, 1));
}

static str values_in(struct task *t, const struct image_file *file, const char *type,
                     const char *first, const char *second)
{
    struct decision decision = by_values(t, type, first, second);
    struct str_list values;
    decision.filters.at[0].column.id = 1;
    gate_values_in(t->mem, file, &decision.filters.at[0], &values);
    return str_list_join(t->mem, &values, STR(" "));
}

TEST(facts_leave_out_values_that_no_row_has)
{
    struct task *t = test_task();
    struct image_file *file = file_of(t);
    EXPECT_STR(values_in(t, file, "VARCHAR", "CH", "DE"), "CH DE");
    add_values(t, file, 1, 0, "FR", "CH");
    EXPECT_STR(values_in(t, file, "VARCHAR", "CH", "DE"), "CH");
    file = file_of(t);
    add_range(t, file, 1, 0, "10", "20");
    EXPECT_STR(values_in(t, file, "INTEGER", "10", "9"), "10");
    EXPECT_STR(values_in(t, file, "VARCHAR", "1", "15"), "15");
    EXPECT_STR(values_in(t, file, "DATE", "2026-01-01", NULL), "2026-01-01");
    file = file_of(t);
    add_range(t, file, 1, 10, "", "");
    EXPECT_STR(values_in(t, file, "VARCHAR", "CH", NULL), "");
}

TEST(values_are_cleared_from_one_scan)
{
    struct task *t = test_task();
    struct decision decision = by_values(t, "VARCHAR", "C'H", "DE"), restricted;
    struct engine_job job = {0};
    decision.filters.at[0].column.name = STR("c");
    vec_push(t->mem, &decision.filters.at[0].values, STR("FR"));
    vec_push(t->mem, &decision.filters.at[0].values, STR("LI"));
    gate_restrict(t->mem, &decision, file_of(t), &restricted);
    gate_clearing_add(t->mem, &restricted, STR("x.parquet"), STR_NONE, true, &job);
    EXPECT_INT(job.views.len, 1);
    EXPECT_INT(job.copies.len, 5);
    EXPECT_STR(job.copies.at[0].text,
               "SELECT \"a\", \"c\" AS \"#value\", file_row_number AS \"#row\" FROM source_0 WHERE "
               "(\"c\" IN ('C''H', 'DE', 'FR', 'LI'))");
    EXPECT_STR(job.copies.at[0].file, "");
    EXPECT_STR(job.copies.at[1].text,
               "SELECT * EXCLUDE (\"#value\", \"#row\") FROM staged WHERE \"#value\" = "
               "TRY_CAST('C''H' AS VARCHAR) ORDER BY \"#row\"");
    EXPECT_STR(job.copies.at[1].file, "copy-1.parquet");
    EXPECT_STR(names_of(t, &job.layouts.at[0]), "a:1");
    /* A second file shares the job, and few values need no stage. */
    restricted.filters.at[0].values.len = 2;
    gate_clearing_add(t->mem, &restricted, STR("y.parquet"), STR_NONE, true, &job);
    EXPECT_INT(job.views.len, 2);
    EXPECT_INT(job.copies.len, 7);
    EXPECT_STR(job.copies.at[6].text, "SELECT \"a\" FROM source_1 WHERE (\"c\" = 'DE') "
                                      "ORDER BY file_row_number");
    EXPECT_STR(job.copies.at[5].text, "SELECT \"a\" FROM source_1 WHERE (\"c\" = 'C''H') "
                                      "ORDER BY file_row_number");
}
