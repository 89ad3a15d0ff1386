/* Which files a product may read as its source: those below the roots, however their paths are written. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/run_inside.h"
#include "source/source.h"
#include "store/store_file.h"
#include "test.h"

struct house {
    char folder[64]; /* of the mesh, resolved */
    struct services services;
    struct model model;
    struct model_domain domain, other;
    struct model_product definition;
    struct image_product product;
    struct image image;
    struct contract_server said;
    struct source_server server;
    struct run run;
};

static void remove_house(void *handle)
{
    struct house *house = handle;
    CHECK(store_folder_remove(AT_FDCWD, house->folder));
}

static char *path_of(struct task *t, const struct house *house, const char *name)
{
    return arena_c_string(t->mem, arena_format(t->mem, "%s/%s", house->folder, name));
}

static void make_folder(struct task *t, const struct house *house, const char *name)
{
    CHECK(mkdir(path_of(t, house, name), 0700) == 0);
}

static void make_file(struct task *t, const struct house *house, const char *name, const char *text)
{
    int fd = open(path_of(t, house, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void make_link(struct task *t, const struct house *house, const char *to, const char *name)
{
    CHECK(symlink(to, path_of(t, house, name)) == 0);
}

/* A mesh with a home, a folder of data that is a root, and one that is none. */
static struct house *make_house(struct task *t)
{
    struct house *house = ARENA_NEW(t->mem, struct house);
    snprintf(house->folder, sizeof house->folder, "/tmp/weft-source-XXXXXX");
    CHECK(mkdtemp(house->folder) != NULL);
    arena_defer(t->mem, remove_house, house);
    make_folder(t, house, ".weft");
    make_folder(t, house, ".weft/secrets");
    make_folder(t, house, "data");
    make_folder(t, house, "data/days");
    make_folder(t, house, "private");
    make_file(t, house, "data/orders.csv", "orders");
    make_file(t, house, "data/days/1.csv", "one");
    make_file(t, house, "data/days/2.csv", "two");
    make_file(t, house, "private/orders.csv", "private");
    make_file(t, house, ".weft/catalog.db", "catalog");
    house->services.folder = str_of(house->folder);
    house->services.home = arena_format(t->mem, "%s/.weft", house->folder);
    house->domain.name = STR("sales");
    house->definition.domain = &house->domain;
    house->product.definition = &house->definition;
    vec_push(t->mem, &house->model.domains, &house->domain);
    vec_push(t->mem, &house->model.mesh.source_roots, STR("data/"));
    house->image.model = &house->model;
    house->server.server = &house->said;
    house->run = (struct run){
        .services = &house->services, .image = &house->image, .target = &house->product};
    return house;
}

static bool find(struct task *t, struct house *house, str location, struct str_list *out)
{
    *out = (struct str_list){0};
    house->said.location = house->server.location = location;
    return run_source_files(t, &house->run, &house->server, STR("orders"), out);
}

/* The first bytes behind a path, as the engine would link it. */
static str content(struct task *t, str path)
{
    char *bytes = arena_alloc(t->mem, 64);
    int fd = open(arena_c_string(t->mem, path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, bytes, 64);
    if (fd >= 0)
        close(fd);
    return len < 0 ? STR("(unreadable)") : (str){bytes, (size_t)len};
}

TEST(files_below_a_root_are_found)
{
    struct task *t = test_task();
    struct house *house = make_house(t);
    struct str_list files;
    REQUIRE_OK(t, find(t, house, STR("data/{table}.csv"), &files));
    EXPECT_INT(files.len, 1);
    EXPECT_STR(content(t, files.at[0]), "orders");
    REQUIRE_OK(t, find(t, house, STR("./data//days/../days/*.csv"), &files));
    EXPECT_INT(files.len, 2);
    EXPECT_STR(content(t, files.at[0]), "one");
    EXPECT_STR(content(t, files.at[1]), "two");
    REQUIRE_OK(t,
               find(t, house, arena_format(t->mem, "%s/data/orders.csv", house->folder), &files));
    EXPECT_INT(files.len, 1);
}

TEST(what_lies_outside_is_refused_whether_it_is_there_or_not)
{
    struct task *t = test_task();
    struct house *house = make_house(t);
    struct str_list files;
    EXPECT_FAIL(t, ERR_REFUSED, find(t, house, STR("private/orders.csv"), &files));
    EXPECT_FAIL(t, ERR_REFUSED, find(t, house, STR("private/nothing.csv"), &files));
    EXPECT_FAIL(t, ERR_REFUSED, find(t, house, STR("data/../private/orders.csv"), &files));
    EXPECT_FAIL(t, ERR_REFUSED, find(t, house, STR("/etc/passwd"), &files));
    EXPECT_FAIL(t, ERR_REFUSED, find(t, house, STR("/etc/no such file"), &files));
    EXPECT_FAIL(t, ERR_REFUSED, find(t, house, STR("database/orders.csv"), &files));
    EXPECT_FAIL(t, ERR_SOURCE, find(t, house, STR("data/nothing.csv"), &files));
    EXPECT_FAIL(t, ERR_SOURCE, find(t, house, STR("data/days"), &files));
}

TEST(links_that_lead_outside_are_refused)
{
    struct task *t = test_task();
    struct house *house = make_house(t);
    struct str_list files;
    make_link(t, house, "../private/orders.csv", "data/file.csv");
    make_link(t, house, "../private", "data/folder");
    make_link(t, house, "days", "data/inside");
    EXPECT_FAIL(t, ERR_REFUSED, find(t, house, STR("data/file.csv"), &files));
    EXPECT_FAIL(t, ERR_REFUSED, find(t, house, STR("data/folder/orders.csv"), &files));
    REQUIRE_OK(t, find(t, house, STR("data/inside/1.csv"), &files));
    EXPECT_STR(content(t, files.at[0]), "one");
}

TEST(the_home_is_no_source_whatever_the_roots_say)
{
    struct task *t = test_task();
    struct house *house = make_house(t);
    struct str_list files;
    vec_push(t->mem, &house->model.mesh.source_roots, STR("."));
    EXPECT_OK(t, find(t, house, STR("private/orders.csv"), &files));
    EXPECT_FAIL(t, ERR_REFUSED, find(t, house, STR(".weft/catalog.db"), &files));
    make_link(t, house, ".weft", "alias");
    EXPECT_FAIL(t, ERR_REFUSED, find(t, house, STR("alias/catalog.db"), &files));
    /* The home by another name is the same home. */
    house->services.home = arena_format(t->mem, "%s/alias", house->folder);
    EXPECT_FAIL(t, ERR_REFUSED, find(t, house, STR(".weft/catalog.db"), &files));
}

TEST(a_folder_that_is_swapped_for_a_link_after_the_look_leads_nowhere_else)
{
    struct task *t = test_task();
    struct house *house = make_house(t);
    struct str_list files;
    make_file(t, house, "private/1.csv", "private");
    REQUIRE_OK(t, find(t, house, STR("data/days/1.csv"), &files));
    CHECK(rename(path_of(t, house, "data/days"), path_of(t, house, "data/moved")) == 0);
    make_link(t, house, "../private", "data/days");
    EXPECT_STR(content(t, files.at[0]), "one");
}

TEST(messages_show_the_location_as_the_contract_writes_it)
{
    struct task *t = test_task();
    struct house *house = make_house(t);
    struct str_list files = {0};
    house->said.location = STR("data/${FOLDER}/x.csv");
    house->server.location = STR("data/confidential/x.csv");
    EXPECT_FAIL(t, ERR_SOURCE,
                run_source_files(t, &house->run, &house->server, STR("orders"), &files));
    EXPECT(str_find(t->err.message, STR("${FOLDER}")) < t->err.message.len);
    EXPECT(str_find(t->err.message, STR("confidential")) == t->err.message.len);
}

TEST(hosts_are_those_that_are_listed_and_never_this_machine_by_a_name)
{
    struct task *t = test_task();
    struct house *house = make_house(t);
    uint16_t port = 0;
    str address = STR_NONE;
    house->said.host = STR("${HOST}");
    house->server.host = STR("127.0.0.1");
    house->server.port = STR("5432");
    EXPECT_FAIL(t, ERR_REFUSED, run_reach(t, &house->run, &house->server, &address, &port));
    EXPECT(str_find(t->err.message, STR("127.0.0.1")) == t->err.message.len);
    vec_push(t->mem, &house->model.mesh.source_hosts, STR("127.0.0.1:5432"));
    EXPECT_OK(t, run_reach(t, &house->run, &house->server, &address, &port));
    EXPECT_STR(address, "127.0.0.1");
    EXPECT_INT(port, 5432);
    house->server.host = STR("localhost");
    vec_push(t->mem, &house->model.mesh.source_hosts, STR("localhost:5433"));
    house->server.port = STR("5433");
    EXPECT_FAIL(t, ERR_REFUSED, run_reach(t, &house->run, &house->server, &address, &port));
    house->server.port = STR("70000");
    EXPECT_FAIL(t, ERR_INVALID, run_reach(t, &house->run, &house->server, &address, &port));
}

static bool secret_is(struct task *t, const struct house *house, str name, const char *value)
{
    struct source_secrets secrets;
    str found = STR_NONE;
    run_secrets(t, &house->run, &secrets);
    return secrets.find(secrets.state, name, &found) ? value != NULL && str_eq(found, str_of(value))
                                                     : value == NULL;
}

TEST(a_secret_is_of_its_own_domain)
{
    struct task *t = test_task();
    struct house *house = make_house(t);
    (void)setenv("WEFT_SECRET_SALES_KEY", "of sales", 1);
    (void)setenv("WEFT_SECRET_SALES_EU_KEY", "of sales_eu", 1);
    EXPECT(secret_is(t, house, STR("KEY"), "of sales"));
    EXPECT(secret_is(t, house, STR("EU_KEY"), "of sales_eu"));
    house->other.name = STR("sales_eu");
    vec_push(t->mem, &house->model.domains, &house->other);
    EXPECT(secret_is(t, house, STR("EU_KEY"), NULL));
    house->definition.domain = &house->other;
    EXPECT(secret_is(t, house, STR("KEY"), "of sales_eu"));
    (void)unsetenv("WEFT_SECRET_SALES_KEY");
    (void)unsetenv("WEFT_SECRET_SALES_EU_KEY");
}

TEST(a_file_of_secrets_that_others_can_read_is_as_good_as_none)
{
    struct task *t = test_task();
    struct house *house = make_house(t);
    make_file(t, house, ".weft/secrets/sales", "A=1\nPASSWORD = two = three \n");
    EXPECT(secret_is(t, house, STR("PASSWORD"), "two = three"));
    EXPECT(secret_is(t, house, STR("ASSWORD"), NULL));
    CHECK(chmod(path_of(t, house, ".weft/secrets/sales"), 0640) == 0);
    EXPECT(secret_is(t, house, STR("PASSWORD"), NULL));
}
