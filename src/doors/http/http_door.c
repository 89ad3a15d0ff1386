#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit.h"
#include "http_inside.h"
#include "limits/limits.h"
#include "log/log.h"
#include "login/login.h"
#include "services/envs.h"
#include "yaml/yaml.h"

enum route_who { ROUTE_ANYONE, ROUTE_ACTOR, ROUTE_ADMIN };

struct route {
    const char *method, *path;
    enum route_who who;
    api_fn *answer;
};

static const struct route routes[] = {
#define ROUTE(name, method, path, who, meaning) {method, path, ROUTE_##who, api_##name},
#include "routes.def"
#undef ROUTE
};

/* `/env/NAME` before a path: the same of an environment. Gives how many segments that takes. */
static size_t route_environment(const struct http_request *request, str *name_out)
{
    bool is_of_one = request->segments.len > 2 && str_eq(request->segments.at[0], STR("env"));

    *name_out = is_of_one ? request->segments.at[1] : STR_NONE;
    return is_of_one ? 2 : 0;
}

/* `{name}` takes one segment. */
static bool route_matches(const struct route *route, const struct http_request *request,
                          size_t begin, str *parameters)
{
    str rest = str_from(str_of(route->path), 1), part;
    size_t taken = 0, i = begin;

    for (; rest.len > 0; i++) {
        (void)str_cut(rest, '/', &part, &rest);
        if (i >= request->segments.len) {
            return false;
        }
        if (part.ptr[0] == '{') {
            CHECK(taken < HTTP_PARAMETERS_MAX);
            parameters[taken++] = request->segments.at[i];
        } else if (!str_eq(part, request->segments.at[i])) {
            return false;
        }
    }
    return i == request->segments.len;
}

static bool route_find(struct task *t, struct api *api, const struct route **out)
{
    struct str_list allowed = {0};
    size_t begin = route_environment(api->request, &api->environment);

    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (!route_matches(&routes[i], api->request, begin, api->parameters)) {
            continue;
        }
        if (str_eq(str_of(routes[i].method), api->request->method)
            || (api->request->is_head && str_eq(str_of(routes[i].method), STR("GET")))) {
            *out = &routes[i];
            return true;
        }
        str_list_add(t->mem, &allowed, str_of(routes[i].method));
    }
    if (allowed.len > 0) {
        task_fail(t, ERR_USAGE, "%.*s is not a method of %.*s", STR_ARG(api->request->method),
                  STR_ARG(api->request->path));
        return task_hint(t, "allowed: %.*s", STR_ARG(str_list_join(t->mem, &allowed, STR(", "))));
    }
    task_fail(t, ERR_NOT_FOUND, "there is nothing at %.*s", STR_ARG(api->request->path));
    return task_hint(t, "docs/http-api.md lists the calls");
}

/* A browser on another page must not use the way in that needs no token. */
static bool api_origin_is_safe(struct task *t, const struct api *api)
{
    if (http_fields_find(&api->request->headers, STR("origin")) == NULL
        || str_eq(api->request->method, STR("GET")) || api->request->is_head) {
        return true;
    }
    return task_fail(t, ERR_DENIED,
                     "requests that change something are not taken from other pages");
}

/* What our own commands call themselves is a word, not a proof; over TCP it is not even asked for. */
static str api_door(const struct http_request *request)
{
    if (!request->peer.is_unix) {
        return STR("http");
    }
    return str_eq(http_fields_value(&request->headers, STR("user-agent")), STR("weft"))
             ? STR("cli")
             : STR("socket");
}

static bool api_login(struct task *t, struct api *api)
{
    const struct http_request *request = api->request;
    str header = http_fields_value(&request->headers, STR("authorization"));
    struct login login = {
        .is_owner_of_home = request->peer.is_unix && request->peer.uid == api->door->owner_uid,
        .peer_name = api->door->owner_name,
        .as_user = http_fields_value(&request->headers, STR("weft-as")),
        .purpose = http_fields_value(&request->headers, STR("weft-purpose")),
        .door = api_door(request),
    };
    struct actor *actor;

    if (!http_bearer(header, &login.token)) {
        return task_fail(t, ERR_UNAUTHENTICATED, "only Bearer tokens are taken");
    }
    if (!login_actor(t, api->services, &login, &actor)) {
        return false;
    }
    t->actor = actor;
    return true;
}

static bool api_read_body(struct task *t, struct api *api)
{
    struct tree *document;

    if (api->request->body.len == 0) {
        return true;
    }
    /* How large it may be was settled before it was read. */
    if (!yaml_read(t, t->mem, api->request->body, STR("the body"), YAML_MODE_BUNDLE, &document)) {
        t->err.code = ERR_USAGE;
        return false;
    }
    if (document->kind != TREE_MAP) {
        return task_fail(t, ERR_USAGE, "the body is not a JSON object");
    }
    api->body = document;
    return true;
}

/* Somebody known tried what is not his. Queries have rows of their own. */
static void api_audit_denial(const struct task *t, const struct api *api)
{
    struct task *last;

    if (t->actor == NULL || t->err.code != ERR_DENIED
        || str_ends(api->request->path, STR("/api/v1/query"))) {
        return;
    }
    last = task_new();
    last->actor = t->actor;
    str object = arena_format(last->mem, "%.*s %.*s", STR_ARG(api->request->method),
                              STR_ARG(api->request->path));
    if (!audit_append(last, api->door->services->db, STR("request"), object, STR("denied"),
                      STR("{}"), NULL)) {
        log_failure("http", last);
    }
    task_free(last);
}

/* From here on the services are those of the environment; who asks is known by the mesh. */
static bool api_enter(struct task *t, struct api *api, const struct route *route)
{
    int use;

    if (api->environment.len == 0) {
        return true;
    }
    if (!api_env_answers(route->answer, &use)) {
        task_fail(t, ERR_REFUSED, "an environment does not answer %.*s",
                  STR_ARG(api->request->path));
        return task_hint(t,
                         "users, grants, policies, audit and the home itself are those of the "
                         "mesh: ask it without /env/%.*s",
                         STR_ARG(api->environment));
    }
    return envs_enter(t, api->door->services, api->environment, (enum env_use)use, &api->services);
}

static bool api_handle(struct task *t, struct api *api)
{
    const struct route *route = NULL;

    if (!route_find(t, api, &route)) {
        return false;
    }
    if (route->who == ROUTE_ANYONE && api->environment.len == 0) {
        return route->answer(t, api);
    }
    return api_origin_is_safe(t, api) && api_login(t, api)
        && (route->who != ROUTE_ADMIN || login_demand_admin(t, api->services))
        && api_read_body(t, api) && api_enter(t, api, route) && route->answer(t, api);
}

static void http_handle(void *state, struct task *t, struct http_exchange *x)
{
    struct api api = {.door = state, .x = x, .request = http_request(x)};

    api.services = api.door->services;
    if (api_handle(t, &api)) {
        return;
    }
    if (api.services->mesh != NULL && t->err.code == ERR_CANCELLED) {
        (void)gate_withdrawn(t, api.services->gate);
    }
    if (t->err.code != ERR_NOT_FOUND && t->err.code != ERR_CANCELLED) {
        log_failure("http", t);
    }
    api_audit_denial(t, &api);
    if (http_is_sent(x)) {
        http_abort_stream(x);
    } else {
        api_problem(t, &api);
    }
}

/* Before a byte of a body is read it must be known that it is wanted: bundles come over the socket or with a token that holds. */
static size_t http_body_max(void *state, const struct http_request *request)
{
    struct http_door *door = state;
    struct api api = {.door = door, .services = door->services, .request = request};
    struct task *t;

    if (!str_ends(request->path, STR("/api/v1/plans"))) {
        return HTTP_BODY_BYTES_MAX;
    }
    t = task_new();
    bool is_known = api_login(t, &api);
    task_free(t);
    return is_known ? BUNDLE_BYTES_MAX : HTTP_BODY_BYTES_MAX;
}

/* A worker that was taken over must not become an operator. */
static bool http_refuse_pid(void *state, int32_t pid)
{
    const struct http_door *door = state;

    return engine_is_worker(door->services->engine, pid);
}

static bool http_find_owner(struct task *t, struct http_door *door)
{
    struct stat facts;
    struct passwd *entry;

    if (stat(arena_c_string(t->mem, door->services->home), &facts) != 0) {
        return task_fail_errno(t, ERR_IO, "cannot look at the home");
    }
    door->owner_uid = facts.st_uid;
    entry = getpwuid(facts.st_uid);
    door->owner_name = entry != NULL ? arena_str(door->mem, str_of(entry->pw_name))
                                     : arena_format(door->mem, "uid%u", (unsigned)facts.st_uid);
    return true;
}

bool http_door_open(struct task *t, struct services *services,
                    const struct http_door_options *options, struct http_door **out)
{
    struct http_door *door = calloc(1, sizeof(*door));
    struct http_server_options server = {
        .handle = http_handle,
        .body_bytes_max = http_body_max,
        .refuse_pid = http_refuse_pid,
        .state = door,
        .connections_max = (size_t)CONFIG_INT(services->config, connections_max),
    };

    CHECK(door != NULL);
    door->services = services;
    door->mem = arena_new();
    bool ok = http_find_owner(t, door) && http_server_open(t, &server, &door->server)
           && http_server_listen_unix(t, door->server, options->socket_path, NULL)
           && (options->address.len == 0
               || http_server_listen_tcp(t, door->server, options->address, &door->address))
           && http_server_start(t, door->server);
    if (!ok) {
        http_door_close(door);
        return false;
    }
    *out = door;
    return true;
}

void http_door_close(struct http_door *door)
{
    if (door == NULL) {
        return;
    }
    http_server_close(door->server);
    arena_free(door->mem);
    free(door);
}

str http_door_address(const struct http_door *door)
{
    return door->address;
}

size_t http_door_connections(struct http_door *door, int64_t *last_ms)
{
    (void)http_server_running(door->server, last_ms);
    return http_server_connections(door->server);
}

void http_door_pause(struct http_door *door)
{
    http_server_pause(door->server);
}

void http_door_resume(struct http_door *door)
{
    http_server_resume(door->server);
}

void http_door_set_ready(struct http_door *door, bool is_ready)
{
    atomic_store(&door->is_ready, is_ready);
}
