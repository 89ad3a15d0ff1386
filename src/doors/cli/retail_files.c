/* The files of the retail example: what warehouse, web site and reviews leave in folders. */
#include "retail_inside.h"

enum { WAREHOUSES = 3, SESSION_EVENTS = 9 };

static struct retail_random begin(uint64_t seed)
{
    return (struct retail_random){seed * 0x9e3779b97f4a7c15u};
}

/* ---- catalog */

static bool write_catalog(struct task *t, str folder, const struct retail_shop *shop)
{
    static const str materials[] = {STR("larch"), STR("steel"), STR("wool"), STR("stoneware"),
                                    STR("recycled PET")};
    struct retail_random r = begin(11);
    struct retail_row row = {.csv = retail_file_open(t, folder, "catalog.csv")};
    buf_add(row.csv->b, STR("sku,name,category,brand,list_price_chf,weight_kg,launched_on,"
                            "discontinued_on,attributes\n"));
    for (uint32_t i = 0; i < RETAIL_ARTICLES; i++) {
        const struct retail_article *article = &shop->articles[i];
        const struct retail_category *category = &retail_categories[article->category];
        uint32_t within = i / RETAIL_CATEGORIES;
        retail_row_text(&row, str_of(article->sku));
        retail_row_text(
            &row, arena_format(t->mem, STR_FMT " " STR_FMT,
                               STR_ARG(category->nouns[within % RETAIL_NOUNS].name),
                               STR_ARG(retail_series[within / RETAIL_NOUNS % RETAIL_SERIES])));
        retail_row_text(&row, category->name);
        retail_row_text(&row, retail_brands[retail_below(&r, RETAIL_BRANDS)]);
        retail_row_decimal(&row, article->price_cents, 2);
        retail_row_decimal(&row, article->weight_g, 3);
        retail_row_date(&row, article->launched_day);
        retail_row_date(&row, article->ended_day);
        bool is_swiss = retail_chance(&r, 550);
        retail_row_text(&row,
                        arena_format(t->mem, "{\"material\": \"%s\", \"made_in\": \"%s\"}",
                                     materials[retail_below(&r, 5)].ptr, is_swiss ? "CH" : "EU"));
        retail_row_end(&row);
    }
    return retail_file_close(row.csv);
}

/* ---- inventory */

/* The flaw: seven counts are below zero, a scanner that booked returns twice. The recount has them right. */
static bool write_inventory(struct task *t, str folder, const struct retail_shop *shop,
                            const char *name, bool is_recount)
{
    static const str warehouses[WAREHOUSES] = {STR("Altstetten"), STR("Lausanne"), STR("Chiasso")};
    struct retail_random r = begin(12);
    struct retail_row row = {.csv = retail_file_open(t, folder, name)};
    buf_add(row.csv->b, STR("sku,warehouse,quantity_on_hand,reorder_level,counted_on\n"));
    for (uint32_t i = 0; i < RETAIL_ARTICLES; i++)
        for (uint32_t w = 0; w < WAREHOUSES; w++) {
            uint32_t level = 4 + retail_below(&r, 20), quantity = retail_below(&r, level * 8);
            bool is_wrong = w == 1 && i % 173 == 41;
            if (w > 0 && retail_chance(&r, 250))
                quantity = 0;
            if (shop->articles[i].ended_day != RETAIL_NEVER)
                quantity /= 6;
            retail_row_text(&row, str_of(shop->articles[i].sku));
            retail_row_text(&row, warehouses[w]);
            retail_row_int(&row, is_wrong && !is_recount ? -(int64_t)(quantity % 9) - 1 : quantity);
            retail_row_int(&row, level);
            retail_row_date(&row, RETAIL_LAST_DAY);
            retail_row_end(&row);
        }
    return retail_file_close(row.csv);
}

/* ---- reviews */

static void write_review(struct retail_file *f, struct retail_random *r,
                         const struct retail_shop *shop, uint32_t id,
                         const struct retail_order *order, const struct retail_item *item)
{
    static const uint32_t stars[] = {6, 7, 13, 28, 46};
    static const int wrong[] = {0, 6, 10};
    const struct retail_customer *customer = &shop->customers[order->customer];
    const struct retail_language *language = &retail_languages[customer->language];
    size_t given = retail_weighted(r, stars, 5);
    str title = language->titles[given][retail_below(r, RETAIL_TITLES)];
    uint32_t which = retail_below(r, 3);
    /* The flaw: a form let 0, 6 and 10 stars through. */
    int rating = retail_chance(r, 3) ? wrong[which] : (int)given + 1;
    int64_t written_s = order->delivered_s + (int64_t)(1 + retail_below(r, 9)) * RETAIL_DAY_S;
    struct buf *b = f->b;
    buf_format(b, "{\"review_id\":%u,\"sku\":\"%s\",\"customer_id\":%u,\"reviewer_name\":", id,
               shop->articles[item->article].sku, order->customer + 1);
    size_t initial = str_utf8_at(customer->last_name, 0);
    buf_add_byte(b, '"');
    buf_add(b, customer->first_name);
    buf_add_byte(b, ' ');
    buf_add(b, str_sub(customer->last_name, 0, initial));
    buf_format(b, ".\",\"rating\":%d,\"title\":", rating);
    buf_add_json(b, title);
    buf_format(b, ",\"language\":\"%s\",", language->code.ptr);
    if (retail_chance(r, 300))
        buf_format(b, "\"helpful_votes\":%u,", 1 + retail_below(r, 30));
    buf_add(b, STR("\"written_at\":\""));
    retail_add_time(b, written_s + retail_below(r, 36000));
    buf_add(b, STR("\"}\n"));
    retail_file_flow(f);
}

static bool write_reviews(struct task *t, str folder, const struct retail_shop *shop)
{
    struct retail_random r = begin(13);
    struct retail_file *f = retail_file_open(t, folder, "reviews.ndjson");
    int64_t last_s = (int64_t)(RETAIL_LAST_DAY - 10) * RETAIL_DAY_S;
    uint32_t eligible = 0, left = RETAIL_REVIEWS, id = 0;
    for (uint32_t i = 0; i < RETAIL_ORDERS; i++)
        if (shop->orders[i].delivered_s != RETAIL_NEVER && shop->orders[i].delivered_s < last_s)
            eligible += shop->orders[i].item_count;
    for (uint32_t i = 0; i < RETAIL_ORDERS; i++) {
        const struct retail_order *order = &shop->orders[i];
        if (order->delivered_s == RETAIL_NEVER || order->delivered_s >= last_s)
            continue;
        for (uint32_t j = 0; j < order->item_count; j++)
            /* As many are left as are wanted of those that still come: exactly the number comes out. */
            if (retail_below(&r, eligible--) < left) {
                write_review(f, &r, shop, ++id, order, &shop->items[order->first_item + j]);
                left--;
            }
    }
    return retail_file_close(f);
}

/* ---- interactions */

struct session {
    uint32_t id, customer; /* customer: from 1, or 0 where nobody has signed in */
    uint32_t channel, address;
    int64_t seconds;
};

static void add_event(struct retail_file *f, struct retail_random *r,
                      const struct retail_shop *shop, const struct session *s, size_t event)
{
    static const str events[] = {STR("view"), STR("search"), STR("add_to_cart"), STR("wishlist"),
                                 STR("open_mail")};
    static const str channels[] = {STR("web"), STR("app"), STR("mail")};
    static const str systems[][3] = {{STR("Windows"), STR("macOS"), STR("Linux")},
                                     {STR("iOS"), STR("Android"), STR("Android")}};
    struct buf *b = f->b;
    buf_add(b, STR("{\"event_id\":\""));
    retail_add_uuid(b, r);
    buf_format(b, "\",\"session_id\":%u,", s->id);
    if (s->customer)
        buf_format(b, "\"customer_id\":%u,", s->customer);
    buf_format(b, "\"event\":\"%s\",\"channel\":\"%s\",", events[event].ptr,
               channels[s->channel].ptr);
    if (event == 1) {
        const struct retail_category *category =
            &retail_categories[retail_below(r, RETAIL_CATEGORIES)];
        buf_add(b, STR("\"search_term\":"));
        buf_add_json(b,
                     arena_lower(f->t->mem, category->nouns[retail_below(r, RETAIL_NOUNS)].name));
        buf_add(b, STR(","));
    } else if (event != 4) {
        buf_format(b, "\"sku\":\"%s\",",
                   shop->articles[retail_pick_article(r, shop, s->seconds / RETAIL_DAY_S)].sku);
    }
    buf_format(b, "\"device\":{\"kind\":\"%s\",\"system\":\"%s\"},\"ip_address\":\"203.0.113.%u\",",
               s->channel == 1 ? "phone" : "desktop", systems[s->channel == 1][s->address % 3].ptr,
               s->address);
    buf_add(b, STR("\"occurred_at\":\""));
    retail_add_time(b, s->seconds);
    buf_add(b, STR("\"}\n"));
}

/* The flaw: the tracker sends some events twice. */
static uint32_t write_session(struct retail_file *f, struct retail_random *r,
                              const struct retail_shop *shop, struct session *s, uint32_t left)
{
    static const uint32_t kinds[] = {620, 190, 120, 70};
    uint32_t count = 1 + retail_below(r, SESSION_EVENTS), written = 0;
    for (uint32_t i = 0; i < count && written < left; i++) {
        struct arena_mark mark = arena_mark(f->t->mem);
        size_t start = f->b->len;
        size_t event = s->channel == 2 && i == 0 ? 4 : i == 0 ? 0 : retail_weighted(r, kinds, 4);
        add_event(f, r, shop, s, event);
        written++;
        if (retail_chance(r, 4) && written < left) {
            str line = arena_str(f->t->mem, str_from(buf_str(f->b), start));
            buf_add(f->b, line);
            written++;
        }
        s->seconds += 8 + retail_below(r, 180);
        arena_rewind(f->t->mem, mark);
        retail_file_flow(f);
    }
    return written;
}

static bool write_interactions(struct task *t, str folder, const struct retail_shop *shop)
{
    static const uint32_t channels[] = {540, 360, 100};
    struct retail_random r = begin(14);
    struct retail_file *f = retail_file_open(t, folder, "interactions.ndjson");
    uint32_t written = 0;
    for (struct session s = {.id = 1}; written < RETAIL_INTERACTIONS; s.id++) {
        /* The tracker was switched on in October 2025. */
        int64_t day = RETAIL_LAST_DAY - 91 + (int64_t)written * 92 / RETAIL_INTERACTIONS;
        s.seconds = retail_moment(&r, day);
        s.channel = (uint32_t)retail_weighted(&r, channels, 3);
        s.address = 1 + retail_below(&r, 254);
        s.customer = 0;
        uint32_t who = retail_below(&r, retail_customer_count(shop, day * RETAIL_DAY_S));
        if (s.channel == 2 || !retail_chance(&r, 220))
            s.customer = who + 1;
        written += write_session(f, &r, shop, &s, RETAIL_INTERACTIONS - written);
    }
    return retail_file_close(f);
}

bool retail_write_files(struct task *t, str folder, const struct retail_shop *shop)
{
    return write_catalog(t, folder, shop)
        && write_inventory(t, folder, shop, "inventory.csv.gz", false)
        && write_inventory(t, folder, shop, "recount/inventory.csv.gz", true)
        && write_reviews(t, folder, shop) && write_interactions(t, folder, shop);
}
