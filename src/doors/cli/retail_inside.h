/* What the parts of the retail example's generator share. Whole numbers only: no machine may round otherwise. */
#ifndef WEFT_RETAIL_INSIDE_H
#define WEFT_RETAIL_INSIDE_H

#include "buf/buf.h"
#include "task/task.h"

enum {
    RETAIL_CUSTOMERS = 8000,
    RETAIL_ORDERS = 50000,
    RETAIL_ARTICLES = 1200,
    RETAIL_REVIEWS = 20000,
    RETAIL_INTERACTIONS = 60000,
    RETAIL_CATEGORIES = 8,
    RETAIL_COUNTRIES = 6,
    RETAIL_DAY_S = 86400,
    RETAIL_FIRST_DAY = 19723,   /* 2024-01-01 */
    RETAIL_LAST_DAY = 20453,    /* 2025-12-31: the data know nothing of later */
    RETAIL_OPENING_DAY = 18628, /* 2021-01-01: the first customer */
    RETAIL_NEVER = 0,
};

/* ---- words */

struct retail_language {
    str code;
    const str *first_names, *last_names, *streets;
    size_t first_name_count, last_name_count, street_count;
    const str *titles[5]; /* of reviews, by stars from 1 */
};

struct retail_city {
    str name, postal_code;
    uint8_t language;
};

struct retail_country {
    str code, phone, currency;
    uint32_t weight; /* of a thousand customers */
    const struct retail_city *cities;
    size_t city_count;
};

struct retail_noun {
    str name;
    uint32_t price_cents, weight_g;
};

enum { RETAIL_NOUNS = 10, RETAIL_SERIES = 15, RETAIL_BRANDS = 12, RETAIL_TITLES = 3 };

struct retail_category {
    str name, prefix;
    uint8_t season[12]; /* how much is bought in a month, of 9 */
    struct retail_noun nouns[RETAIL_NOUNS];
};

extern const struct retail_language retail_languages[];
extern const struct retail_country retail_countries[RETAIL_COUNTRIES];
extern const struct retail_category retail_categories[RETAIL_CATEGORIES];
extern const str retail_series[RETAIL_SERIES];
extern const str retail_brands[RETAIL_BRANDS];

/* ---- the shop */

struct retail_customer {
    str first_name, last_name;
    uint8_t country, city, language;
    uint8_t activity; /* how likely an order is this customer's, of 255 */
    bool is_business;
    int64_t registered_s;
};

struct retail_article {
    char sku[8];
    uint8_t category;
    uint32_t price_cents, weight_g;
    int64_t launched_day, ended_day; /* RETAIL_NEVER: still sold */
};

enum retail_status {
    RETAIL_OPEN,
    RETAIL_SHIPPED,
    RETAIL_DELIVERED,
    RETAIL_RETURNED,
    RETAIL_CANCELLED
};

struct retail_order {
    uint32_t customer, first_item, item_count;
    enum retail_status status;
    int64_t ordered_s, shipped_s, delivered_s; /* RETAIL_NEVER: not */
    int64_t discount_cents, shipping_cents, total_cents;
};

struct retail_item {
    uint32_t article;
    uint8_t quantity, discount_percent;
    uint32_t price_cents;
};

struct retail_shop {
    struct retail_customer *customers;
    struct retail_article *articles;
    struct retail_order *orders;
    struct retail_item *items;
};

/* ---- numbers */

struct retail_random {
    uint64_t state;
};

uint64_t retail_next(struct retail_random *r);
uint32_t retail_below(struct retail_random *r, uint32_t n);
bool retail_chance(struct retail_random *r, uint32_t per_thousand);
size_t retail_weighted(struct retail_random *r, const uint32_t *weights, size_t count);
/* A second of this day, when people shop. */
int64_t retail_moment(struct retail_random *r, int64_t day);
void retail_civil(int64_t day, int *year, int *month, int *day_of_month);

/* ---- files */

struct retail_file {
    struct task *t;
    str path;
    int fd;
    struct buf *b, *packed; /* packed: of .gz files */
    uint32_t crc, bytes;
    bool failed;
};

struct retail_file *retail_file_open(struct task *t, str folder, const char *name);
/* Between rows: writes what has gathered. */
void retail_file_flow(struct retail_file *f);
MUST_CHECK bool retail_file_close(struct retail_file *f);

/* A row of CSV, and the same row for PostgreSQL's COPY where `copy` is not NULL: they spell lists and bytes differently. */
struct retail_row {
    struct retail_file *csv, *copy;
    bool has_field;
};

void retail_row_null(struct retail_row *row);
void retail_row_text(struct retail_row *row, str s);
void retail_row_int(struct retail_row *row, int64_t n);
/* 12345 with 2 decimals is 123.45. */
void retail_row_decimal(struct retail_row *row, int64_t n, int decimals);
void retail_row_date(struct retail_row *row, int64_t day);
/* RETAIL_NEVER is null. */
void retail_row_time(struct retail_row *row, int64_t seconds);
void retail_row_uuid(struct retail_row *row, struct retail_random *r);
void retail_row_bytes(struct retail_row *row, struct retail_random *r, size_t len);
void retail_row_list(struct retail_row *row, const str *items, size_t len);
void retail_row_end(struct retail_row *row);

void retail_add_uuid(struct buf *b, struct retail_random *r);
void retail_add_date(struct buf *b, int64_t day);
void retail_add_time(struct buf *b, int64_t seconds);
void retail_add_int(struct buf *b, int64_t n, int digits);

/* ---- parts */

void retail_make_articles(struct task *t, struct retail_shop *shop);
void retail_make_customers(struct task *t, struct retail_shop *shop);
void retail_make_orders(struct task *t, struct retail_shop *shop);
MUST_CHECK bool retail_write_database(struct task *t, str folder, const struct retail_shop *shop);
MUST_CHECK bool retail_write_files(struct task *t, str folder, const struct retail_shop *shop);
/* The article that is sold on this day, the popular ones more often. */
uint32_t retail_pick_article(struct retail_random *r, const struct retail_shop *shop, int64_t day);
/* How many customers there are at this moment. */
uint32_t retail_customer_count(const struct retail_shop *shop, int64_t seconds);

#endif
