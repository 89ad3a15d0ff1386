/* The shop's database: who bought what, when, and how it was paid and sent. */
#include "retail_inside.h"

static struct retail_random begin(uint64_t seed)
{
    return (struct retail_random){seed * 0x9e3779b97f4a7c15u};
}

/* ---- articles */

static uint32_t shop_price(uint32_t cents)
{
    return cents < 2000 ? cents / 10 * 10 : cents / 100 * 100 + 90;
}

void retail_make_articles(struct task *t, struct retail_shop *shop)
{
    struct retail_random r = begin(1);
    shop->articles = ARENA_ARRAY(t->mem, struct retail_article, RETAIL_ARTICLES);
    for (uint32_t i = 0; i < RETAIL_ARTICLES; i++) {
        struct retail_article *article = &shop->articles[i];
        uint32_t within = i / RETAIL_CATEGORIES;
        article->category = (uint8_t)(i % RETAIL_CATEGORIES);
        const struct retail_category *category = &retail_categories[article->category];
        const struct retail_noun *noun = &category->nouns[within % RETAIL_NOUNS];
        snprintf(article->sku, sizeof article->sku, "%s-%04u", category->prefix.ptr, within + 1);
        article->price_cents = shop_price(noun->price_cents * (70 + retail_below(&r, 120)) / 100);
        article->weight_g = noun->weight_g * (85 + retail_below(&r, 35)) / 100;
        article->launched_day = retail_chance(&r, 700)
                                  ? RETAIL_OPENING_DAY + retail_below(&r, 900)
                                  : RETAIL_OPENING_DAY + 900 + retail_below(&r, 800);
        article->ended_day =
            retail_chance(&r, 60) ? RETAIL_FIRST_DAY + 250 + retail_below(&r, 450) : RETAIL_NEVER;
        if (article->ended_day != RETAIL_NEVER && article->ended_day < article->launched_day + 90)
            article->ended_day = RETAIL_NEVER;
    }
}

static bool is_sold(const struct retail_article *article, int64_t day)
{
    return article->launched_day <= day
        && (article->ended_day == RETAIL_NEVER || day < article->ended_day);
}

uint32_t retail_pick_article(struct retail_random *r, const struct retail_shop *shop, int64_t day)
{
    int year, month, day_of_month;
    retail_civil(day, &year, &month, &day_of_month);
    for (;;) {
        /* The less of two draws: the first articles of the list are the popular ones. */
        uint32_t one = retail_below(r, RETAIL_ARTICLES), two = retail_below(r, RETAIL_ARTICLES);
        uint32_t at = one < two ? one : two;
        const struct retail_article *article = &shop->articles[at];
        if (is_sold(article, day)
            && retail_below(r, 9) < retail_categories[article->category].season[month - 1])
            return at;
    }
}

/* ---- customers */

static uint8_t draw_country(struct retail_random *r)
{
    uint32_t weights[RETAIL_COUNTRIES];
    for (size_t i = 0; i < RETAIL_COUNTRIES; i++)
        weights[i] = retail_countries[i].weight;
    return (uint8_t)retail_weighted(r, weights, RETAIL_COUNTRIES);
}

void retail_make_customers(struct task *t, struct retail_shop *shop)
{
    struct retail_random r = begin(2);
    int64_t from = (int64_t)RETAIL_OPENING_DAY * RETAIL_DAY_S;
    int64_t step = ((int64_t)RETAIL_LAST_DAY * RETAIL_DAY_S - from) / RETAIL_CUSTOMERS;
    shop->customers = ARENA_ARRAY(t->mem, struct retail_customer, RETAIL_CUSTOMERS);
    for (uint32_t i = 0; i < RETAIL_CUSTOMERS; i++) {
        struct retail_customer *customer = &shop->customers[i];
        uint32_t activity = 1 + retail_below(&r, 255);
        customer->country = draw_country(&r);
        const struct retail_country *country = &retail_countries[customer->country];
        uint32_t city = retail_below(&r, (uint32_t)country->city_count);
        uint32_t other = retail_below(&r, (uint32_t)country->city_count);
        customer->city = (uint8_t)(city < other ? city : other);
        customer->language = country->cities[customer->city].language;
        const struct retail_language *language = &retail_languages[customer->language];
        customer->first_name =
            language->first_names[retail_below(&r, (uint32_t)language->first_name_count)];
        customer->last_name =
            language->last_names[retail_below(&r, (uint32_t)language->last_name_count)];
        customer->is_business = retail_chance(&r, 90);
        /* A few buy much, most buy little. */
        activity = activity * activity / 255;
        activity = activity * activity / 255;
        customer->activity = (uint8_t)(activity < 3 ? 3 : activity);
        customer->registered_s = from + step * i + retail_below(&r, (uint32_t)step);
    }
}

uint32_t retail_customer_count(const struct retail_shop *shop, int64_t seconds)
{
    uint32_t low = 0, high = RETAIL_CUSTOMERS;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (shop->customers[middle].registered_s < seconds)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t pick_customer(struct retail_random *r, const struct retail_shop *shop,
                              int64_t seconds)
{
    uint32_t count = retail_customer_count(shop, seconds);
    for (;;) {
        uint32_t at = retail_below(r, count);
        if (retail_below(r, 256) < shop->customers[at].activity)
            return at;
    }
}

/* ---- orders */

static uint64_t day_weight(int64_t day)
{
    static const uint32_t months[] = {85, 80, 92, 96, 98, 92, 84, 88, 98, 104, 128, 142};
    static const uint32_t weekdays[] = {100, 96,  92, 112,
                                        105, 100, 98}; /* 1970-01-01 was a Thursday */
    int year, month, day_of_month;
    retail_civil(day, &year, &month, &day_of_month);
    uint64_t weight =
        (uint64_t)months[month - 1] * weekdays[day % 7]
        * (uint64_t)(1000 + 350 * (day - RETAIL_FIRST_DAY) / (RETAIL_LAST_DAY - RETAIL_FIRST_DAY));
    bool is_friday = day % 7 == 1, is_monday = day % 7 == 4;
    if (month == 11 && is_friday && day_of_month >= 23 && day_of_month <= 29)
        weight *= 3; /* Black Friday */
    if ((month == 11 && is_monday && day_of_month >= 26)
        || (month == 12 && is_monday && day_of_month <= 2))
        weight *= 2;
    if (month == 12 && (day_of_month == 25 || day_of_month == 26))
        weight /= 2;
    return weight;
}

static void draw_items(struct retail_random *r, struct retail_shop *shop,
                       struct retail_order *order, uint32_t *count)
{
    static const uint32_t sizes[] = {30, 28, 18, 11, 7, 6};
    const struct retail_customer *customer = &shop->customers[order->customer];
    bool is_euro = str_eq(retail_countries[customer->country].currency, STR("EUR"));
    int64_t sum_cents = 0;
    order->first_item = *count;
    order->item_count = (uint32_t)retail_weighted(r, sizes, 6) + 1;
    for (uint32_t i = 0; i < order->item_count; i++) {
        struct retail_item *item = &shop->items[(*count)++];
        bool is_new;
        do { /* an article stands on an order once */
            item->article = retail_pick_article(r, shop, order->ordered_s / RETAIL_DAY_S);
            is_new = true;
            for (uint32_t j = order->first_item; j + 1 < *count; j++)
                is_new = is_new && shop->items[j].article != item->article;
        } while (!is_new);
        uint32_t cents = shop->articles[item->article].price_cents;
        item->price_cents = is_euro ? cents * 104 / 1000 * 10 : cents;
        item->quantity =
            (uint8_t)(1
                      + (retail_chance(r, 180) ? retail_below(r, customer->is_business ? 12 : 3)
                                               : 0));
        item->discount_percent =
            (uint8_t)(retail_chance(r, 120) ? 5 * (1 + retail_below(r, 6)) : 0);
        sum_cents +=
            ((int64_t)item->quantity * item->price_cents * (100 - item->discount_percent) + 50)
            / 100;
    }
    order->discount_cents = retail_chance(r, 80) ? sum_cents / 100 * 10 : 0;
    order->shipping_cents = sum_cents >= 9900 ? 0 : 790;
    order->total_cents = sum_cents - order->discount_cents + order->shipping_cents;
}

static void draw_fate(struct retail_random *r, struct retail_order *order)
{
    int64_t end_s = (int64_t)(RETAIL_LAST_DAY + 1) * RETAIL_DAY_S;
    if (retail_chance(r, 28)) {
        order->status = RETAIL_CANCELLED;
        return;
    }
    int64_t shipped_s = order->ordered_s + 4 * 3600 + retail_below(r, 40 * 3600);
    /* Parcels of the weeks before Christmas take longer. */
    uint32_t hours = order->ordered_s / RETAIL_DAY_S % 365 > 330 ? 92 : 62;
    int64_t delivered_s = shipped_s + 12 * 3600 + retail_below(r, hours * 3600);
    if (shipped_s >= end_s) {
        order->status = RETAIL_OPEN;
        return;
    }
    order->shipped_s = shipped_s;
    order->status = RETAIL_SHIPPED;
    if (delivered_s >= end_s)
        return;
    order->delivered_s = delivered_s;
    bool may_return = order->ordered_s < end_s - (int64_t)14 * RETAIL_DAY_S;
    order->status = may_return && retail_chance(r, 42) ? RETAIL_RETURNED : RETAIL_DELIVERED;
}

static int by_time(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a, two = *(const int64_t *)b;
    return (one > two) - (one < two);
}

/* Orders are spread over the days by weight, all of them, and their numbers follow the time. */
static int64_t *draw_times(struct task *t, struct retail_random *r)
{
    int64_t *times = ARENA_ARRAY(t->mem, int64_t, RETAIL_ORDERS);
    uint64_t sum = 0, past = 0;
    size_t count = 0;
    for (int64_t day = RETAIL_FIRST_DAY; day <= RETAIL_LAST_DAY; day++)
        sum += day_weight(day);
    for (int64_t day = RETAIL_FIRST_DAY; day <= RETAIL_LAST_DAY; day++) {
        past += day_weight(day);
        while (count < RETAIL_ORDERS && count < past * RETAIL_ORDERS / sum)
            times[count++] = retail_moment(r, day);
    }
    CHECK(count == RETAIL_ORDERS);
    qsort(times, count, sizeof *times, by_time);
    return times;
}

void retail_make_orders(struct task *t, struct retail_shop *shop)
{
    struct retail_random r = begin(3);
    int64_t *times = draw_times(t, &r);
    uint32_t count = 0;
    shop->orders = ARENA_ARRAY(t->mem, struct retail_order, RETAIL_ORDERS);
    shop->items = ARENA_ARRAY(t->mem, struct retail_item, (size_t)RETAIL_ORDERS * 6);
    for (uint32_t i = 0; i < RETAIL_ORDERS; i++) {
        struct retail_order *order = &shop->orders[i];
        order->ordered_s = times[i];
        order->customer = pick_customer(&r, shop, times[i]);
        draw_items(&r, shop, order, &count);
        draw_fate(&r, order);
    }
}

/* ---- tables */

/* `Müller` in an address: letters that e-mail takes. */
static void add_plain(struct buf *b, str name)
{
    static const str letters[][2] = {{STR("ü"), STR("ue")}, {STR("ö"), STR("oe")},
                                     {STR("ä"), STR("ae")}, {STR("é"), STR("e")},
                                     {STR("É"), STR("e")},  {STR("ò"), STR("o")}};
    for (size_t i = 0; i < name.len;) {
        str rest = str_from(name, i);
        size_t at = 0, count = sizeof letters / sizeof *letters;
        while (at < count && !str_starts(rest, letters[at][0]))
            at++;
        char c = name.ptr[i];
        if (at < count)
            buf_add(b, letters[at][1]);
        else if (c >= 'A' && c <= 'Z')
            buf_add_byte(b, (char)(c + 32));
        else if ((c >= 'a' && c <= 'z') || c == '-')
            buf_add_byte(b, c);
        i += at < count ? letters[at][0].len : 1;
    }
}

/* The flaw of this table: 1.2 % of the addresses are missing. */
static void add_email(struct retail_row *row, struct retail_random *r, struct buf *text,
                      const struct retail_customer *customer, uint32_t id)
{
    static const str hosts[] = {STR("example.com"), STR("example.net"), STR("example.org")};
    uint32_t host = retail_below(r, 3);
    if (retail_chance(r, 12)) {
        retail_row_null(row);
        return;
    }
    buf_clear(text);
    add_plain(text, customer->first_name);
    buf_add_byte(text, '.');
    add_plain(text, customer->last_name);
    retail_add_int(text, id, 1);
    buf_add_byte(text, '@');
    buf_add(text, hosts[host]);
    retail_row_text(row, buf_str(text));
}

static void add_phone(struct retail_row *row, struct retail_random *r, struct buf *text, str prefix)
{
    if (retail_chance(r, 180)) {
        retail_row_null(row);
        return;
    }
    /* One draw a statement: in which order the arguments of a call are evaluated is the compiler's choice. */
    uint32_t net = 70 + retail_below(r, 10), number = retail_below(r, 10000000);
    buf_clear(text);
    buf_add(text, prefix);
    buf_format(text, " %02u %03u %02u %02u", net, number / 10000, number / 100 % 100, number % 100);
    retail_row_text(row, buf_str(text));
}

static void add_topics(struct retail_row *row, struct retail_random *r)
{
    static const str topics[] = {STR("new"), STR("sale"), STR("garden"), STR("winter"),
                                 STR("recipes")};
    str chosen[5];
    size_t len = 0;
    bool has_any = retail_chance(r, 550);
    for (size_t i = 0; i < 5; i++)
        if (retail_chance(r, 350) && has_any)
            chosen[len++] = topics[i];
    retail_row_list(row, chosen, len);
}

static void write_customer(struct retail_row *row, struct retail_random *r, struct buf *text,
                           const struct retail_customer *customer, uint32_t id)
{
    static const str tiers[] = {STR("none"), STR("bronze"), STR("silver"), STR("gold")};
    const struct retail_country *country = &retail_countries[customer->country];
    const struct retail_language *language = &retail_languages[customer->language];
    retail_row_int(row, id);
    retail_row_uuid(row, r);
    retail_row_text(row, customer->is_business ? STR("business") : STR("private"));
    retail_row_text(row, customer->first_name);
    retail_row_text(row, customer->last_name);
    add_email(row, r, text, customer, id);
    add_phone(row, r, text, country->phone);
    int64_t born = 1096 + retail_below(r, 12400); /* 1973 to 2006 */
    if (retail_chance(r, 400))
        born -= retail_below(r, 9000);
    if (customer->is_business || retail_chance(r, 120))
        retail_row_null(row);
    else
        retail_row_date(row, born);
    buf_clear(text);
    buf_add(text, language->streets[retail_below(r, (uint32_t)language->street_count)]);
    buf_format(text, " %u", 1 + retail_below(r, 120));
    retail_row_text(row, buf_str(text));
    retail_row_text(row, country->cities[customer->city].postal_code);
    retail_row_text(row, country->cities[customer->city].name);
    retail_row_text(row, country->code);
    retail_row_text(row, language->code);
    retail_row_text(row, tiers[customer->activity > 150  ? 3
                               : customer->activity > 70 ? 2
                                                         : customer->activity > 25]);
    add_topics(row, r);
    bool is_dark = retail_chance(r, 300), has_sms = retail_chance(r, 250);
    buf_clear(text);
    buf_format(text, "{\"theme\": \"%s\", \"sms\": %s, \"items_per_page\": %u}",
               is_dark ? "dark" : "light", has_sms ? "true" : "false", 24u << retail_below(r, 3));
    retail_row_text(row, buf_str(text));
    if (customer->is_business)
        retail_row_decimal(row, 50000 + (int64_t)retail_below(r, 40) * 25000, 2);
    else
        retail_row_null(row);
    retail_row_time(row, customer->registered_s);
    retail_row_end(row);
}

static str status_name(enum retail_status status)
{
    switch (status) {
    case RETAIL_OPEN:
        return STR("open");
    case RETAIL_SHIPPED:
        return STR("shipped");
    case RETAIL_DELIVERED:
        return STR("delivered");
    case RETAIL_RETURNED:
        return STR("returned");
    case RETAIL_CANCELLED:
        break;
    }
    return STR("cancelled");
}

/* Francs for a euro, in millionths: it moves from month to month. */
static int64_t euro_rate(int64_t seconds)
{
    int year, month, day_of_month;
    retail_civil(seconds / RETAIL_DAY_S, &year, &month, &day_of_month);
    return 948000 + ((year * 12 + month) * 7919 % 31 - 15) * 700;
}

static void write_order(struct retail_row *row, struct retail_random *r, struct buf *text,
                        const struct retail_shop *shop, uint32_t at)
{
    static const uint32_t channels[] = {520, 330, 150};
    static const str channel_names[] = {STR("web"), STR("app"), STR("store")};
    static const str coupons[] = {STR("WELCOME10"), STR("SUMMER10"), STR("ADVENT10")};
    const struct retail_order *order = &shop->orders[at];
    const struct retail_customer *customer = &shop->customers[order->customer];
    const struct retail_country *country = &retail_countries[customer->country];
    bool is_euro = str_eq(country->currency, STR("EUR"));
    bool is_gift = retail_chance(r, 70);
    retail_row_int(row, 100001 + (int64_t)at);
    retail_row_int(row, order->customer + 1);
    retail_row_time(row, order->ordered_s);
    retail_row_text(row, status_name(order->status));
    retail_row_text(row, channel_names[retail_weighted(r, channels, 3)]);
    retail_row_text(row, country->code);
    retail_row_text(row, country->currency);
    retail_row_decimal(row, is_euro ? euro_rate(order->ordered_s) : 1000000, 6);
    retail_row_decimal(row, order->discount_cents, 2);
    retail_row_decimal(row, order->shipping_cents, 2);
    retail_row_decimal(row, order->total_cents, 2);
    buf_clear(text);
    if (order->discount_cents)
        buf_format(text, "{\"coupon\": \"%s\"%s}", coupons[retail_below(r, 3)].ptr,
                   is_gift ? ", \"gift\": true" : "");
    else if (is_gift)
        buf_add(text, STR("{\"gift\": true}"));
    if (text->len)
        retail_row_text(row, buf_str(text));
    else
        retail_row_null(row);
    retail_row_end(row);
}

static void write_items(struct retail_row *row, const struct retail_shop *shop, uint32_t at)
{
    const struct retail_order *order = &shop->orders[at];
    for (uint32_t i = 0; i < order->item_count; i++) {
        const struct retail_item *item = &shop->items[order->first_item + i];
        retail_row_int(row, 100001 + (int64_t)at);
        retail_row_int(row, i + 1);
        retail_row_text(row, str_of(shop->articles[item->article].sku));
        retail_row_int(row, item->quantity);
        retail_row_decimal(row, item->price_cents, 2);
        retail_row_decimal(row, item->discount_percent * 100, 2);
        retail_row_end(row);
    }
}

static void write_payment(struct retail_row *row, struct retail_random *r, uint32_t *id,
                          uint32_t at, str method, str status, int64_t cents, int64_t paid_s)
{
    bool has_fee = cents > 0 && !str_eq(method, STR("invoice"));
    retail_row_int(row, 500001 + (int64_t)(*id)++);
    retail_row_int(row, 100001 + (int64_t)at);
    retail_row_text(row, method);
    retail_row_text(row, status);
    retail_row_decimal(row, cents, 2);
    retail_row_decimal(row, has_fee ? cents * 19 / 10 + 1000 : 0, 4);
    retail_row_time(row, paid_s);
    if (str_eq(method, STR("card")))
        retail_row_bytes(row, r, 8);
    else
        retail_row_null(row);
    retail_row_end(row);
}

/* Refunds are payments below zero; a card that was refused is tried again. */
static void write_payments(struct retail_row *row, struct retail_random *r,
                           const struct retail_shop *shop, uint32_t at, uint32_t *id)
{
    static const uint32_t swiss[] = {460, 300, 190, 50}, abroad[] = {0, 480, 170, 350};
    static const str methods[] = {STR("twint"), STR("card"), STR("invoice"), STR("paypal")};
    const struct retail_order *order = &shop->orders[at];
    bool is_swiss =
        str_eq(retail_countries[shop->customers[order->customer].country].currency, STR("CHF"));
    str method = methods[retail_weighted(r, is_swiss ? swiss : abroad, 4)];
    int64_t end_s = (int64_t)(RETAIL_LAST_DAY + 1) * RETAIL_DAY_S;
    int64_t paid_s = order->ordered_s + 20 + retail_below(r, 160);
    if (order->status == RETAIL_CANCELLED)
        return;
    if (str_eq(method, STR("card")) && retail_chance(r, 60)) {
        write_payment(row, r, id, at, method, STR("failed"), order->total_cents, RETAIL_NEVER);
        paid_s += 90;
    }
    if (str_eq(method, STR("invoice")))
        paid_s += (int64_t)(5 + retail_below(r, 25)) * RETAIL_DAY_S;
    bool is_paid = paid_s < end_s;
    write_payment(row, r, id, at, method, is_paid ? STR("paid") : STR("pending"),
                  order->total_cents, is_paid ? paid_s : RETAIL_NEVER);
    int64_t refunded_s = order->delivered_s + (int64_t)(4 + retail_below(r, 9)) * RETAIL_DAY_S;
    if (order->status == RETAIL_RETURNED && refunded_s < end_s && is_paid)
        write_payment(row, r, id, at, method, STR("refunded"), -order->total_cents,
                      refunded_s > paid_s ? refunded_s : paid_s + 3600);
}

static void write_shipment(struct retail_row *row, struct retail_random *r,
                           const struct retail_shop *shop, uint32_t at, uint32_t *id)
{
    static const uint32_t swiss[] = {720, 130, 150}, abroad[] = {0, 620, 380};
    static const str carriers[] = {STR("Post"), STR("DHL"), STR("DPD")};
    const struct retail_order *order = &shop->orders[at];
    bool is_swiss =
        str_eq(retail_countries[shop->customers[order->customer].country].currency, STR("CHF"));
    int64_t grams = 180;
    str sides[3];
    char texts[3][8];
    if (order->shipped_s == RETAIL_NEVER)
        return;
    for (uint32_t i = 0; i < order->item_count; i++) {
        const struct retail_item *item = &shop->items[order->first_item + i];
        grams += (int64_t)item->quantity * shop->articles[item->article].weight_g;
    }
    for (size_t i = 0; i < 3; i++) {
        snprintf(texts[i], sizeof texts[i], "%u",
                 10 + 5 * retail_below(r, 4) + (grams > 5000 ? 25u : 0u));
        sides[i] = str_of(texts[i]);
    }
    size_t carrier = retail_weighted(r, is_swiss ? swiss : abroad, 3);
    retail_row_int(row, 900001 + (int64_t)(*id)++);
    retail_row_int(row, 100001 + (int64_t)at);
    retail_row_text(row, carriers[carrier]);
    char tracking[32];
    snprintf(tracking, sizeof tracking, "%s%08u",
             carrier == 0   ? "99"
             : carrier == 1 ? "JD"
                            : "05",
             retail_below(r, 100000000));
    retail_row_text(row, str_of(tracking));
    retail_row_decimal(row, grams, 3);
    retail_row_list(row, sides, 3);
    retail_row_time(row, order->shipped_s);
    retail_row_date(row, order->ordered_s / RETAIL_DAY_S + (is_swiss ? 4 : 5));
    retail_row_time(row, order->delivered_s);
    retail_row_end(row);
}

/* ---- database */

static const char schema_sql[] =
    "-- The operational database of the retail example. Load it with: psql -v ON_ERROR_STOP=1 -f "
    "shop.sql\n"
    "BEGIN;\n"
    "SET client_encoding = 'UTF8';\n"
    "CREATE TYPE customer_type AS ENUM ('private', 'business');\n"
    "CREATE TYPE loyalty_tier AS ENUM ('none', 'bronze', 'silver', 'gold');\n"
    "CREATE TYPE order_status AS ENUM ('open', 'shipped', 'delivered', 'returned', 'cancelled');\n"
    "CREATE TYPE payment_method AS ENUM ('twint', 'card', 'invoice', 'paypal');\n"
    "CREATE TYPE payment_status AS ENUM ('pending', 'paid', 'failed', 'refunded');\n"
    "CREATE TABLE customers (\n"
    "    customer_id bigint PRIMARY KEY, customer_key uuid NOT NULL, type customer_type NOT NULL,\n"
    "    first_name text NOT NULL, last_name text NOT NULL, email text, phone text, birth_date "
    "date,\n"
    "    street text NOT NULL, postal_code text NOT NULL, city text NOT NULL, country text NOT "
    "NULL,\n"
    "    language text NOT NULL, tier loyalty_tier NOT NULL, newsletter_topics text[] NOT NULL,\n"
    "    settings jsonb NOT NULL, credit_limit numeric(10,2), registered_at timestamptz NOT "
    "NULL);\n"
    "CREATE TABLE orders (\n"
    "    order_id bigint PRIMARY KEY,\n"
    "    customer_id bigint NOT NULL REFERENCES customers, ordered_at timestamptz NOT NULL,\n"
    "    status order_status NOT NULL, channel text NOT NULL, country text NOT NULL, currency text "
    "NOT NULL,\n"
    "    fx_rate numeric(10,6) NOT NULL, discount_amount numeric(12,2) NOT NULL,\n"
    "    shipping_amount numeric(12,2) NOT NULL, total_amount numeric(12,2) NOT NULL, details "
    "jsonb);\n"
    "CREATE TABLE order_items (\n"
    "    order_id bigint NOT NULL REFERENCES orders, line_no smallint NOT NULL, sku text NOT "
    "NULL,\n"
    "    quantity integer NOT NULL, unit_price numeric(10,2) NOT NULL,\n"
    "    discount_percent numeric(5,2) NOT NULL, PRIMARY KEY (order_id, line_no));\n"
    "CREATE TABLE payments (\n"
    "    payment_id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders,\n"
    "    method payment_method NOT NULL, status payment_status NOT NULL, amount numeric(12,2) NOT "
    "NULL,\n"
    "    fee numeric(12,4) NOT NULL, paid_at timestamptz, signature bytea);\n"
    "CREATE TABLE shipments (\n"
    "    shipment_id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders, carrier text "
    "NOT NULL,\n"
    "    tracking_code text NOT NULL, weight_kg numeric(8,3) NOT NULL, sides_cm integer[] NOT "
    "NULL,\n"
    "    shipped_at timestamptz NOT NULL, promised_on date NOT NULL, delivered_at timestamptz);\n";

struct database {
    struct task *t;
    str folder;
    struct retail_file *sql;
    struct retail_row row;
};

static struct retail_row *begin_table(struct database *db, const char *name, const char *columns)
{
    str file = arena_format(db->t->mem, "export/%s.csv", name);
    db->row =
        (struct retail_row){.csv = retail_file_open(db->t, db->folder, file.ptr), .copy = db->sql};
    buf_format(db->row.csv->b, "%s\n", columns);
    buf_format(db->sql->b, "COPY %s (%s) FROM stdin (FORMAT csv);\n", name, columns);
    return &db->row;
}

static bool end_table(struct database *db)
{
    buf_add(db->sql->b, STR("\\.\n"));
    retail_file_flow(db->sql);
    return retail_file_close(db->row.csv);
}

static bool write_people(struct database *db, const struct retail_shop *shop)
{
    struct retail_random r = begin(4);
    struct buf *text = buf_new(db->t->mem, 4096);
    struct retail_row *row = begin_table(
        db, "customers",
        "customer_id,customer_key,type,first_name,last_name,email,phone,birth_date,street,postal_"
        "code,"
        "city,country,language,tier,newsletter_topics,settings,credit_limit,registered_at");
    for (uint32_t i = 0; i < RETAIL_CUSTOMERS; i++)
        write_customer(row, &r, text, &shop->customers[i], i + 1);
    return end_table(db);
}

static bool write_sales(struct database *db, const struct retail_shop *shop)
{
    struct retail_random r = begin(5);
    struct buf *text = buf_new(db->t->mem, 4096);
    struct retail_row *row =
        begin_table(db, "orders",
                    "order_id,customer_id,ordered_at,status,channel,country,currency,fx_rate,"
                    "discount_amount,shipping_amount,total_amount,details");
    for (uint32_t i = 0; i < RETAIL_ORDERS; i++)
        write_order(row, &r, text, shop, i);
    if (!end_table(db))
        return false;
    row =
        begin_table(db, "order_items", "order_id,line_no,sku,quantity,unit_price,discount_percent");
    for (uint32_t i = 0; i < RETAIL_ORDERS; i++)
        write_items(row, shop, i);
    return end_table(db);
}

static bool write_movements(struct database *db, const struct retail_shop *shop)
{
    struct retail_random r = begin(6);
    uint32_t payments = 0, shipments = 0;
    struct retail_row *row = begin_table(
        db, "payments", "payment_id,order_id,method,status,amount,fee,paid_at,signature");
    for (uint32_t i = 0; i < RETAIL_ORDERS; i++)
        write_payments(row, &r, shop, i, &payments);
    if (!end_table(db))
        return false;
    row = begin_table(
        db, "shipments",
        "shipment_id,order_id,carrier,tracking_code,weight_kg,sides_cm,shipped_at,promised_on,"
        "delivered_at");
    for (uint32_t i = 0; i < RETAIL_ORDERS; i++)
        write_shipment(row, &r, shop, i, &shipments);
    return end_table(db);
}

bool retail_write_database(struct task *t, str folder, const struct retail_shop *shop)
{
    struct database db = {.t = t, .folder = folder, .sql = retail_file_open(t, folder, "shop.sql")};
    buf_add(db.sql->b, str_of(schema_sql));
    if (!write_people(&db, shop) || !write_sales(&db, shop) || !write_movements(&db, shop))
        return false;
    buf_add(db.sql->b, STR("COMMIT;\nANALYZE;\n"));
    return retail_file_close(db.sql);
}
