"""A small dbt project after the jaffle shop, as `dbt compile` would describe it: made here, so that tests can change it."""


def node(kind, name, project="jaffle", **more):
    return {"resource_type": kind, "name": name, "package_name": project, "unique_id": f"{kind}.{project}.{name}",
            "database": "shop", "schema": "analytics", "alias": name, "description": "", "columns": {}, "meta": {},
            "tags": [], "config": {"materialized": "table"}, "depends_on": {"nodes": []}} | more


def column(name, data_type=None, **more):
    return {"name": name, "description": "", "data_type": data_type, "meta": {}, "tags": [], "constraints": []} | more


def columns(*several):
    return {one["name"]: one for one in several}


def test_of(name, model, on, severity="ERROR", where=None, namespace=None, **arguments):
    more = {"column_name": on} if on else {}
    return node("test", f"{name}_{model}_{on}", attached_node=f"model.jaffle.{model}",
                test_metadata={"name": name, "namespace": namespace,
                               "kwargs": {"model": f"{{{{ get_where_subquery(ref('{model}')) }}}}"} | more | arguments},
                config={"severity": severity, "where": where})


def manifest(adapter="postgres", version=12):
    source = {"resource_type": "source", "source_name": "raw", "package_name": "jaffle", "database": "shop",
              "schema": "public", "description": "", "meta": {}, "tags": []}
    nodes = [
        node("seed", "countries", columns=columns(column("code", "varchar(2)"), column("label", "text"))),
        # Not documented: an internal table of whoever reads it.
        node("model", "stg_orders", compiled_code='select id as order_id, customer_id, total / 100.0 as amount, '
                                                  'raw.status from "shop"."public"."raw_orders" as raw -- "shop"."public"\n;',
             config={"materialized": "view"}),
        node("model", "customers", description="Who buys.", tags=["core"], meta={"owner": "Ann", "schedule": "daily", "none": None},
             columns=columns(column("id", "bigint", constraints=[{"type": "primary_key"}]),
                             column("name", "varchar(50)", description="As they write it.", meta={"pii": True},
                                    tags=["personal"]),
                             column("country", "text")),
             compiled_code='with c as (select * from "shop"."public"."customers")\n'
                           "select c.id, c.name, k.label as country\nfrom c left join analytics.countries k on k.code = c.country"),
        node("model", "orders", group="finance", description="What is bought.", config={"materialized": "incremental"},
             columns=columns(column("order_id", "bigint"), column("customer_id", "bigint"),
                             column("amount", "numeric(12,2)"), column("status", "text")),
             compiled_code='select order_id, o.customer_id, cast(amount as decimal(12, 2)) as amount, o.status '
                           'from "shop"."analytics"."stg_orders" o '
                           'join "shop"."analytics"."customers" using (id_that_is_no_column)'.replace(
                               "using (id_that_is_no_column)", "on customers.id = o.customer_id")),
        node("model", "daily", group="finance",
             columns=columns(column("customer_id", "bigint"), column("amount", "numeric(18,2)")),
             compiled_code='select customer_id, cast(sum(amount) as decimal(18, 2)) as amount '
                           'from "shop"."analytics"."orders" group by customer_id'),
        # Not compiled, but simple.
        node("model", "lonely", columns=columns(column("id", "bigint")),
             raw_code="{{ config(materialized='table') }} {# a comment #}\nselect id from {{ ref('customers') }}"),
        node("model", "helper", config={"materialized": "ephemeral"}),
        node("analysis", "look"),
        test_of("unique", "orders", "order_id"),
        test_of("not_null", "orders", "order_id"),
        test_of("not_null", "orders", "customer_id", severity="warn"),
        test_of("accepted_values", "orders", "status", values=["open", "done"]),
        test_of("relationships", "orders", "customer_id", to="ref('customers')", field="id"),
        test_of("relationships", "daily", "customer_id", to="ref('orders')", field="customer_id"),
        test_of("expression_is_true", "orders", None, namespace="dbt_utils", expression="amount > 0"),
    ]
    sources = {
        "source.jaffle.raw.orders": source | {"name": "orders", "identifier": "raw_orders", "columns": columns(
            column("id", "bigint"), column("customer_id", "bigint"), column("total", "integer"), column("status", "text"))},
        "source.jaffle.raw.customers": source | {"name": "customers", "identifier": "customers", "columns": columns(
            column("id", "bigint"), column("name", "text"), column("country"))},
    }
    return {
        "metadata": {"dbt_schema_version": f"https://schemas.getdbt.com/dbt/manifest/v{version}.json",
                     "project_name": "jaffle", "adapter_type": adapter},
        "nodes": {one["unique_id"]: one for one in nodes},
        "sources": sources,
        "groups": {"group.jaffle.finance": {"name": "finance", "resource_type": "group",
                                            "owner": {"name": "Finance team", "email": "f@example.com"}}},
        "exposures": {"exposure.jaffle.board": {"name": "board"}},
        "metrics": {},
    }
