#include "access_request/access_state.h"

static const char *const STATES[ACCESS_STATE_COUNT] = {
    [ACCESS_REQUESTED] = "requested", [ACCESS_APPROVED_FIRST] = "approved_first",
    [ACCESS_APPROVED] = "approved",   [ACCESS_DENIED] = "denied",
    [ACCESS_WITHDRAWN] = "withdrawn", [ACCESS_REVOKED] = "revoked",
    [ACCESS_EXPIRED] = "expired",     [ACCESS_RENEWED] = "renewed",
};

static const char *const STEPS[ACCESS_STEP_COUNT] = {
    [ACCESS_REQUEST] = "request",   [ACCESS_APPROVE] = "approve", [ACCESS_DENY] = "deny",
    [ACCESS_WITHDRAW] = "withdraw", [ACCESS_REVOKE] = "revoke",   [ACCESS_EXPIRE] = "expire",
    [ACCESS_RENEW] = "renew",
};

const char *access_state_name(enum access_state state)
{
    return STATES[state];
}

bool access_state_by_name(str name, enum access_state *out)
{
    for (int i = 0; i < ACCESS_STATE_COUNT; i++)
        if (str_eq(name, str_of(STATES[i]))) {
            *out = (enum access_state)i;
            return true;
        }
    return false;
}

const char *access_state_step_name(enum access_step step)
{
    return STEPS[step];
}

bool access_state_is_open(enum access_state state)
{
    return state == ACCESS_REQUESTED || state == ACCESS_APPROVED_FIRST;
}

bool access_state_next(enum access_state from, enum access_step step, bool has_second_level,
                       enum access_state *out)
{
    bool is_open = access_state_is_open(from);
    switch (step) {
    case ACCESS_APPROVE:
        *out =
            from == ACCESS_REQUESTED && has_second_level ? ACCESS_APPROVED_FIRST : ACCESS_APPROVED;
        return is_open;
    case ACCESS_DENY:
        *out = ACCESS_DENIED;
        return is_open;
    case ACCESS_WITHDRAW:
        *out = ACCESS_WITHDRAWN;
        return is_open;
    case ACCESS_REVOKE:
        *out = ACCESS_REVOKED;
        return from == ACCESS_APPROVED;
    case ACCESS_EXPIRE:
        *out = ACCESS_EXPIRED;
        return is_open || from == ACCESS_APPROVED;
    case ACCESS_RENEW:
        *out = ACCESS_RENEWED;
        return from == ACCESS_APPROVED;
    case ACCESS_REQUEST:
    case ACCESS_STEP_COUNT:
        break;
    }
    return false;
}
