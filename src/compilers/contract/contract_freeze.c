#include "contract/contract_freeze.h"

#include "contract/contract.h"
#include "tree/tree_freeze.h"

static FREEZE_TYPE(field_frozen, struct contract_field, 72, FREEZE_UNMET,
                   FROZEN_TEXT(contract_field, path), FROZEN_TEXT(contract_field, type),
                   FROZEN_TEXT(contract_field, classification), FROZEN_TEXTS(contract_field, tags));

FREEZE_TYPE(contract_column_frozen, struct contract_column, 336, FREEZE_NEAR,
            FROZEN_TEXT(contract_column, name), FROZEN_TEXT(contract_column, physical_name),
            FROZEN_TEXT(contract_column, id), FROZEN_TEXT(contract_column, type),
            FROZEN_TEXT(contract_column, logical_type), FROZEN_TEXT(contract_column, physical_type),
            FROZEN_TEXT(contract_column, description), FROZEN_TEXT(contract_column, classification),
            FROZEN_TEXTS(contract_column, tags), FROZEN_LIST(contract_column, fields, field_frozen),
            FROZEN_TEXT(contract_column, declassify.subject),
            FROZEN_TEXT(contract_column, declassify.who),
            FROZEN_TEXT(contract_column, declassify.why),
            FROZEN_PART(contract_column, declassify.place, place_frozen),
            FROZEN_REF(contract_column, source, tree_frozen),
            FROZEN_PART(contract_column, place, place_frozen));

static FREEZE_TYPE(
    rule_frozen, struct contract_rule, 544, FREEZE_UNMET, FROZEN_TEXT(contract_rule, id),
    FROZEN_TEXT(contract_rule, name), FROZEN_TEXT(contract_rule, low),
    FROZEN_TEXT(contract_rule, high), FROZEN_TEXT(contract_rule, dimension),
    FROZEN_TEXT(contract_rule, description), FROZEN_TEXT(contract_rule, severity),
    FROZEN_TEXT(contract_rule, business_impact), FROZEN_TEXT(contract_rule, scheduler),
    FROZEN_TEXT(contract_rule, schedule), FROZEN_TEXTS(contract_rule, tags),
    FROZEN_TEXT(contract_rule, query), FROZEN_TEXTS(contract_rule, columns),
    FROZEN_TEXTS(contract_rule, path), FROZEN_TEXT(contract_rule, type),
    FROZEN_TEXT(contract_rule, logical_type), FROZEN_TEXT(contract_rule, format),
    FROZEN_TEXT(contract_rule, zone), FROZEN_TEXT(contract_rule, relation.file),
    FROZEN_TEXT(contract_rule, relation.table), FROZEN_TEXTS(contract_rule, relation.columns),
    FROZEN_TEXT(contract_rule, relation.text), FROZEN_REFS(contract_rule, values, tree_frozen),
    FROZEN_TEXT(contract_rule, pattern), FROZEN_REF(contract_rule, source, tree_frozen),
    FROZEN_PART(contract_rule, place, place_frozen));

FREEZE_TYPE(contract_table_frozen, struct contract_table, 352, FREEZE_NEAR,
            FROZEN_TEXT(contract_table, name), FROZEN_TEXT(contract_table, physical_name),
            FROZEN_TEXT(contract_table, id), FROZEN_TEXT(contract_table, description),
            FROZEN_TEXTS(contract_table, tags),
            FROZEN_LIST(contract_table, columns, contract_column_frozen),
            FROZEN_MAP(contract_table, names), FROZEN_LIST(contract_table, rules, rule_frozen),
            FROZEN_TEXTS(contract_table, cluster_by), FROZEN_TEXT(contract_table, incremental.key),
            FROZEN_PART(contract_table, incremental.place, place_frozen),
            FROZEN_REF(contract_table, source, tree_frozen),
            FROZEN_PART(contract_table, place, place_frozen));

static FREEZE_TYPE(server_frozen, struct contract_server, 216, FREEZE_UNMET,
                   FROZEN_TEXT(contract_server, name), FROZEN_TEXT(contract_server, type),
                   FROZEN_TEXT(contract_server, environment),
                   FROZEN_TEXT(contract_server, location), FROZEN_TEXT(contract_server, format),
                   FROZEN_TEXT(contract_server, delimiter), FROZEN_TEXT(contract_server, host),
                   FROZEN_TEXT(contract_server, listen_port),
                   FROZEN_TEXT(contract_server, database), FROZEN_TEXT(contract_server, schema),
                   FROZEN_REF(contract_server, custom, tree_frozen),
                   FROZEN_REF(contract_server, source, tree_frozen),
                   FROZEN_PART(contract_server, place, place_frozen));

static FREEZE_TYPE(role_frozen, struct contract_role, 64, FREEZE_UNMET,
                   FROZEN_TEXT(contract_role, role), FROZEN_TEXT(contract_role, access),
                   FROZEN_TEXT(contract_role, first_approvers),
                   FROZEN_TEXT(contract_role, second_approvers));

FREEZE_TYPE(contract_frozen, struct contract, 280, FREEZE_FAR, FROZEN_TEXT(contract, file),
            FROZEN_TEXT(contract, id), FROZEN_TEXT(contract, name), FROZEN_TEXT(contract, version),
            FROZEN_TEXT(contract, status), FROZEN_TEXT(contract, domain),
            FROZEN_TEXT(contract, product), FROZEN_TEXT(contract, description),
            FROZEN_TEXTS(contract, tags), FROZEN_LIST(contract, tables, contract_table_frozen),
            FROZEN_LIST(contract, servers, server_frozen),
            FROZEN_LIST(contract, roles, role_frozen), FROZEN_REF(contract, custom, tree_frozen),
            FROZEN_REF(contract, source, tree_frozen), FROZEN_PART(contract, place, place_frozen));
