#include "shape/shape_inside.h"

/* Servers of ODCS, by their type. Where the text of the standard and its JSON Schema differ, the text wins: a port of
 * PostgreSQL and the stagingDir of Athena may be missing. v3.0 left servers open. */

#define KEYS(...) ((const struct shape_key[]){__VA_ARGS__, END})
#define HOST_PORT_DATABASE TEXT_MUST("host"), PORT_MUST("port"), TEXT_MUST("database")
/* v3.0 listed the formats and delimiters of files. */
#define FILE_WORDS "parquet delta json csv"
#define FILE_FORMAT(more)                                                                          \
    TEXT("format", .words = FILE_WORDS, .flags = (more), IN(ODCS_3_0)),                            \
        TEXT("format", .flags = (more), IN(ODCS_FROM_3_1))
#define FILE_DELIMITER                                                                             \
    TEXT("delimiter", .words = "new_line array", IN(ODCS_3_0)), TEXT("delimiter", IN(ODCS_FROM_3_1))

static const struct shape_variant by_type[] = {
    {"type", "api", KEYS(TEXT_MUST("location"))},
    {"type", "athena",
     KEYS(TEXT("stagingDir"), TEXT_MUST("schema"), TEXT("catalog"), TEXT("regionName"),
          TEXT("workgroup", IN(ODCS_3_2_0)))},
    {"type", "azure", KEYS(TEXT_MUST("location"), FILE_FORMAT(SHAPE_REQUIRED), FILE_DELIMITER)},
    {"type", "bigquery", KEYS(TEXT_MUST("project"), TEXT_MUST("dataset"))},
    {"type", "clickhouse mysql synapse", KEYS(HOST_PORT_DATABASE)},
    {"type", "cloudsql vertica", KEYS(HOST_PORT_DATABASE, TEXT_MUST("schema"))},
    {"type", "databricks", KEYS(TEXT_MUST("catalog"), TEXT_MUST("schema"), TEXT("host"))},
    {"type", "db2", KEYS(HOST_PORT_DATABASE, TEXT("schema"))},
    {"type", "denodo", KEYS(TEXT_MUST("host"), PORT_MUST("port"), TEXT("database"))},
    {"type", "dremio", KEYS(TEXT_MUST("host"), PORT_MUST("port"), TEXT("schema"))},
    {"type", "duckdb", KEYS(TEXT_MUST("database"), TEXT("schema"))},
    {"type", "glue",
     KEYS(TEXT_MUST("account"), TEXT_MUST("database"), TEXT("location"), TEXT("format"))},
    {"type", "hive impala informix zen",
     KEYS(TEXT_MUST("host"), TEXT_MUST("database"), PORT("port"))},
    {"type", "kafka", KEYS(TEXT_MUST("host"), TEXT("format"))},
    {"type", "kinesis", KEYS(TEXT("region"), TEXT("format"), TEXT("stream"))},
    {"type", "local", KEYS(TEXT_MUST("path", USED), TEXT_MUST("format", USED))},
    {"type", "oracle", KEYS(TEXT_MUST("host"), PORT_MUST("port"), TEXT_MUST("serviceName"))},
    {"type", "postgres postgresql",
     KEYS(TEXT_MUST("host", USED), PORT("port", USED, ABOUT("5432 where it is missing")),
          TEXT_MUST("database", USED), TEXT_MUST("schema", USED))},
    {"type", "presto", KEYS(TEXT_MUST("host"), TEXT("catalog"), TEXT("schema"))},
    {"type", "pubsub", KEYS(TEXT_MUST("project"))},
    {"type", "redshift",
     KEYS(TEXT_MUST("database"), TEXT_MUST("schema"), TEXT("host"), TEXT("region"),
          TEXT("account"))},
    {"type", "s3",
     KEYS(TEXT_MUST("location"), TEXT("endpointUrl"), FILE_FORMAT(0), FILE_DELIMITER)},
    {"type", "sftp",
     KEYS(TEXT_MUST("location", .format = &shape_format_sftp), FILE_FORMAT(0), FILE_DELIMITER)},
    {"type", "snowflake",
     KEYS(TEXT_MUST("account"), TEXT_MUST("database"), TEXT_MUST("schema"), TEXT("host"),
          PORT("port"), TEXT("warehouse"))},
    {"type", "sqlserver",
     KEYS(TEXT_MUST("host"), TEXT_MUST("database"), TEXT_MUST("schema"), PORT("port"))},
    {"type", "trino",
     KEYS(TEXT_MUST("host"), PORT_MUST("port"), TEXT_MUST("catalog"), TEXT_MUST("schema"))},
    {"type", "custom",
     KEYS(TEXT("account"), TEXT("catalog"), TEXT("database"), TEXT("dataset"), TEXT("delimiter"),
          TEXT("endpointUrl"), TEXT("format"), TEXT("host"), TEXT("location"), TEXT("path"),
          PORT("port"), TEXT("project"), TEXT("region"), TEXT("regionName"), TEXT("schema"),
          TEXT("serviceName"), TEXT("stream", IN(ODCS_FROM_3_1)), TEXT("stagingDir"),
          TEXT("warehouse"))},
    {0},
};

static void server_more(const struct tree *node, struct shape_more *out)
{
    const struct shape_variant *variant =
        shape_find_variant(&shape_odcs_server, tree_find_text(node, STR("type")));
    out->keys[0] = variant ? variant->keys : NULL;
    out->is_open = !variant;
}

static const struct shape_slip type_slips[] = {
    {"mongodb", "a system that the standard does not list is type: custom"},
    {"mssql", "did you mean sqlserver?"},
    {"pg", "did you mean postgres?"},
    {"file", "did you mean local?"},
    {"gcs", "a system that the standard does not list is type: custom"},
    {"http", "did you mean api?"},
    {0},
};

#define TYPES(hive, zen)                                                                           \
    "api athena azure bigquery clickhouse cloudsql custom databricks db2 denodo dremio duckdb "    \
    "glue " hive "informix kafka kinesis local mysql oracle postgres postgresql presto pubsub "    \
    "redshift s3 sftp snowflake sqlserver synapse trino vertica" zen

const struct shape shape_odcs_server = {
    .title = "a server of this type",
    .open_in = ODCS_3_0,
    .keys = {(const struct shape_key[]){
        ODCS_ID, TEXT_MUST("server", USED),
        TEXT_MUST("type", .words = TYPES("", ""), .slips = type_slips, IN(ODCS_3_0), USED),
        TEXT_MUST("type", .words = TYPES("hive impala ", " zen"), .slips = type_slips,
                  IN(ODCS_FROM_3_1), USED, ABOUT("local and postgres are read; others are kept")),
        TEXT("description"), TEXT("environment"), MAPS("roles", shape_odcs_role),
        ODCS_CUSTOM(USED, ABOUT("user, password and others as `${NAME}`")), END}},
    .variants = by_type,
    .more = server_more,
    .slips =
        (const struct shape_slip[]){
            {"topic", "put it into customProperties: the standard has no such key for this type"},
            {"user", "put it into customProperties: {property: user, value: \"${NAME}\"}"},
            {"username", "put it into customProperties: {property: user, value: \"${NAME}\"}"},
            {"password", "put it into customProperties: {property: password, value: \"${NAME}\"}"},
            {"staging_dir", "did you mean stagingDir?"},
            {0}},
};
