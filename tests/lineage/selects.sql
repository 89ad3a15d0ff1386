-- SELECTs whose lineage is held against what the engine really does: tests/story/test_lineage_soundness.py.
-- One statement ends with `;`. A comment `keys: a, b` before it names output columns that tell which input rows an output row is made
-- of, so that a value which changes in its place must have the changed column among the edges that carry labels.

-- ---- plain columns and expressions
-- keys: id
select id, name, email from shop.customers;
-- keys: id
select id, upper(name) as loud, name || ' <' || email || '>' as shown from shop.customers;
-- keys: id
select id, substr(phone, 1, 3) as prefix, length(email) as n from shop.customers;
-- keys: id
select id, age + 1 as next, age * 2 as twice, -age as minus, age % 10 as digit from shop.customers;
-- keys: id
select id, age::varchar as text, try_cast(phone as integer) as number from shop.customers;
-- keys: id
select id, coalesce(email, phone, 'none') as reach from shop.customers;
-- keys: id
select id, nullif(country, 'CH') as abroad, ifnull(email, '-') as mail from shop.customers;
-- keys: id
select id, age between 20 and 40 as young, country in ('CH', 'DE') as near, email is null as silent from shop.customers;
-- keys: id
select id, case when age < 30 then 'young' when country = 'CH' then 'swiss' else name end as kind from shop.customers;
-- keys: id
select id, case country when 'CH' then age else 0 end as swiss_age from shop.customers;
-- keys: id
select id, if(age > 30, email, phone) as reach from shop.customers;
-- keys: id
select id, name.lower() as low, name.upper().substr(1, 2) as head, customers.email.lower() as mail from shop.customers;
-- keys: id
select id, [age, id] as both, {'a': age, 'n': name} as pair, row(age, country) as r from shop.customers;
-- keys: id
select id, map {'age': age} as m, map {'age': age}['age'] as back from shop.customers;
-- keys: id
select id, address.city, address.street as street, customers.address.zip from shop.customers;
-- keys: id
select id, address['city'] as city, struct_extract(address, 'zip') as zip from shop.customers;
-- keys: id
select id, tags[1] as first_tag, tags[1:2] as head, len(tags) as n from shop.customers;
-- keys: id
select id, list_transform(tags, lambda t: t || country) as tagged from shop.customers;
-- keys: id
select id, list_filter(tags, lambda t: len(t) > age % 3) as kept from shop.customers;
-- keys: id
select id, [t || name for t in tags if t <> country] as named from shop.customers;
-- keys: id
select id, list_reduce([age, 1, 2], lambda x, y: x + y) as total from shop.customers;
-- keys: id
select id, list_sort(tags) as sorted, list_contains(tags, country) as has from shop.customers;
-- keys: id
select id, doc -> '$.a' as a, doc ->> '$.b' as b, json_extract(doc, '$.a') as again from shop.events;
-- keys: id
select id, json_array_length(doc -> '$.c') as n from shop.events;
-- keys: id
select id, doc->'a' as a, (doc->>'b')::varchar || kind as b from shop.events;
-- keys: id
select id, seen::date as day, date_trunc('month', seen) as month, extract(year from seen) as year from shop.events;
-- keys: id
select id, seen + interval 1 day as later, date_diff('day', seen, timestamp '2024-01-01') as ago from shop.events;
-- keys: id
select id, regexp_replace(email, '@.*', '') as local, email like '%@a%' as at_a, email similar to '.*com' as com from shop.customers;
-- keys: id
select id, hash(email) as h, md5(email) as m from shop.customers;
-- keys: id
select id, greatest(age, id) as most, least(age, 30) as least_age from shop.customers;
-- keys: id
select id, not (age > 30 and country = 'CH') as other from shop.customers;
-- keys: id
select id, age > 30 or country = 'CH' as either from shop.customers;
-- keys: id
select id, position('a' in name) as p, name[1] as initial, name collate nocase as n from shop.customers;
-- keys: id
select id, format('{} is {}', name, age) as text, printf('%d', age) as n from shop.customers;
-- keys: id
select customers.id, shop.customers.name from shop.customers;
-- keys: id
select c.id, c.NAME, c."Email" from shop.customers as c;
-- keys: id
select ID, Name as "The Name" from SHOP.Customers;
-- keys: i
select x.i, x.n from shop.customers as x(i, n);
select customers from shop.customers where id < 5 order by id;
select c from shop.customers c;
-- keys: id
select id, a1 as b1, age as a1, a1 + 1 as c1 from (select id, age, id as a1 from shop.customers);
-- keys: id
select id, age * 2 as twice, twice + 1 as more, more * twice as most from shop.customers;
-- keys: id
select id, age + 1 as older from shop.customers where older > 30;
select 1 as one, 'x' as x, null as nothing;
values (1, 'a'), (2, 'b');
-- keys: id
from shop.customers;
-- keys: id
from shop.customers select id, age where country = 'CH';
-- keys: id
table shop.customers;
-- keys: id
select #1 as id, #2 as second, #5 as fifth from shop.customers;
-- keys: id
select id, current_date > date '2020-01-01' as later, age from shop.customers;

-- ---- stars
-- keys: id
select * from shop.customers;
-- keys: id
select * exclude (email, phone) from shop.customers;
-- keys: id
select * exclude (name) replace (upper(email) as email) from shop.customers;
-- keys: id
select * replace (age + 1 as age, left(phone, 2) as phone) from shop.customers;
-- keys: id
select * rename (name as title) from shop.customers;
-- keys: id
select c.* exclude (tags, address) from shop.customers c;
-- keys: oid, cid
select o.id as oid, c.* rename (id as cid) from shop.orders o join shop.customers c on c.id = o.customer_id;
select * from shop.orders o join shop.customers c on c.id = o.customer_id;
select o.*, c.name from shop.orders o, shop.customers c where c.id = o.customer_id;
-- keys: id
select id, columns('a.*') from shop.customers;
-- keys: id
select id, columns('^name$|^email$') from shop.customers;
-- keys: id
select id, columns(lambda c: c like '%e%') from shop.customers;
-- keys: id
select id, columns(['age', 'country']) from shop.customers;
-- keys: id
select id, columns(* exclude (id, tags, address)) from shop.customers;
-- keys: id
select id, upper(columns('^(name|email)$')) from shop.customers;
select min(columns(* exclude (tags, address))) from shop.customers;
select max(columns('id|quantity')) from shop.items;
-- keys: id
select id, * like '%a%' from shop.customers;
-- keys: id
select id, address.* from shop.customers;
-- keys: id
select id, unnest(address) from shop.customers;
-- keys: id
select t.id, t.columns_ from (select id, age as columns_ from shop.customers) t;
select * from shop.customers where columns(* exclude (tags, address)) is not null;

-- ---- WHERE, ORDER, LIMIT, DISTINCT
-- keys: id
select id, name from shop.customers where country = 'CH';
-- keys: id
select id, name from shop.customers where country = 'CH' and age > 20 and email like '%a%';
-- keys: id
select id, name from shop.customers where age > 20 or country = 'DE';
-- keys: id
select id, name from shop.customers order by age desc, email limit 5;
-- keys: id
select id, name from shop.customers order by 2, 1 limit 5 offset 2;
-- keys: id
select id, name as n from shop.customers order by n, id limit 3;
select name, country from shop.customers order by all limit 4;
select distinct country from shop.customers;
select distinct country, age > 30 as old from shop.customers;
select distinct on (country) country, name, id from shop.customers order by country, age, id;
select distinct on (country) id, name from shop.customers order by country, id;
-- keys: id
select id, name from shop.customers order by id limit (select count(*) from shop.orders where amount > 50);
-- keys: id
select id from shop.customers where email is distinct from phone;
-- keys: id
select id, country from shop.customers order by length(name), id limit 50%;

-- ---- aggregates
select count(*) as n from shop.customers;
select count(*) as n from shop.customers where country = 'CH';
select country, count(*) as n, sum(age) as years, avg(age) as mean, min(name) as first_name from shop.customers group by country;
select country, count(distinct email) as mails, count(email) filter (where age > 30) as old from shop.customers group by country;
select country, string_agg(name, ', ' order by age, id) as names from shop.customers group by country;
select country, list(name order by id) as names, array_agg(age order by id) as ages from shop.customers group by 1;
select country, age // 10 as decade, count(*) as n from shop.customers group by all;
select country as land, count(*) as n from shop.customers group by land having n > 1;
select country, sum(age) as total from shop.customers group by country having sum(age) > 50 and count(*) > 1;
select upper(country) as land, max(age) as oldest from shop.customers group by upper(country) order by max(age), land;
select country, arg_max(name, (age, id)) as oldest, max_by(email, (age, id)) as mail from shop.customers group by country;
select country, median(age) as m, quantile_cont(age, 0.9) as q, stddev(age) as s, mode(age % 2) as o from shop.customers group by country;
select bool_and(age > 10) as adults, bool_or(country = 'CH') as swiss, bit_xor(id) as x from shop.customers;
select country, age > 30 as old, count(*) as n, grouping(country) as g from shop.customers group by grouping sets ((country, age > 30), (country), ());
select country, city, count(*) as n from (select country, address.city as city from shop.customers) group by cube (country, city);
select country, tags[1] as tag, count(*) as n from shop.customers group by rollup (country, tags[1]);
select sum(amount) as total, sum(amount) filter (where status = 'paid') as paid from shop.orders;
select sum(case when status = 'paid' then amount end) as paid, sum(if(status = 'open', 1, 0)) as open from shop.orders;
select customer_id, first(status order by ordered_at, id) as first_status, last(amount order by ordered_at, id) as last_amount from shop.orders group by customer_id;
select count(distinct customer_id) as buyers, approx_count_distinct(status) as kinds from shop.orders;
select histogram(status) as h from shop.orders;
select corr(amount, id) as c, covar_pop(amount, customer_id) as v, regr_slope(amount, id) as s from shop.orders;
select status, sum(amount) / count(*) as mean, sum(amount) * 100.0 / (select sum(amount) from shop.orders) as share from shop.orders group by status;
select any_value(country) as c from (select country from shop.customers order by id limit 1);
select count(*) as n from (select distinct country from shop.customers);
select max(n) as most from (select customer_id, count(*) as n from shop.orders group by customer_id);
select sum(distinct age) as s from shop.customers;
select list_sum(list(age)) as total, len(list(name)) as n from shop.customers;

-- ---- joins
-- keys: oid, cid
select o.id as oid, c.id as cid, c.name, o.amount from shop.orders o join shop.customers c on o.customer_id = c.id;
-- keys: oid, cid
select o.id as oid, c.id as cid, c.name from shop.orders o left join shop.customers c on o.customer_id = c.id;
-- keys: cid, oid
select c.id as cid, o.id as oid, o.amount from shop.orders o right join shop.customers c on o.customer_id = c.id;
select o.id as oid, c.id as cid, coalesce(c.name, '?') as name from shop.orders o full join shop.customers c on o.customer_id = c.id;
select id, product_id, quantity, amount from shop.items join (select id, amount from shop.orders) o using (id);
select id, quantity, amount from shop.items full join (select id, amount from shop.orders) o using (id);
select * from (select id, name from shop.customers) natural join (select id, status from shop.orders);
select * from (select id, name from shop.customers) natural left join (select id, status from shop.orders);
-- keys: id
select id, name from shop.customers c semi join shop.orders o on o.customer_id = c.id;
-- keys: id
select id, name from shop.customers c anti join shop.orders o on o.customer_id = c.id and o.amount > 20;
-- keys: id, oid
select c.id, c.name, o.id as oid from shop.customers c cross join shop.orders o where o.customer_id = c.id;
-- keys: a, b
select a.id as a, b.id as b, a.name as left_name, b.name as right_name from shop.customers a join shop.customers b on a.country = b.country and a.id < b.id;
select * from (select id, name from shop.customers order by id) positional join (select amount from shop.orders order by id);
-- keys: id, valid_from
select e.id, e.kind, p.price, p.valid_from from shop.events e asof join shop.prices p on e.seen >= p.valid_from;
select e.id, p.price from shop.events e asof left join shop.prices p on p.product_id = e.id % 3 and e.seen >= p.valid_from;
-- keys: id, product_id, pid
select i.id, i.product_id, p.id as pid, i.quantity * p.price as cost from shop.items i join shop.products p on p.id = i.product_id;
select c.country, sum(i.quantity * p.price) as revenue from shop.customers c join shop.orders o on o.customer_id = c.id join shop.items i on i.id = o.id join shop.products p on p.id = i.product_id group by c.country;
select p.category, count(distinct o.customer_id) as buyers from shop.products p left join shop.items i on i.product_id = p.id left join shop.orders o on o.id = i.id group by p.category;
-- keys: id, d
select c.id, d from shop.customers c join range(10) r(d) on substr(c.phone, 3, 1) = d::varchar;
-- keys: id, digit
select c.id, r.d as digit from shop.customers c, range(10) r(d) where c.age % 10 = r.d;
-- keys: id, d
select id, d from shop.customers, range(3) r(d);
-- keys: id
select id, z from shop.customers c, lateral (select c.age + p.price as z from shop.products p where p.id = c.id % 3) l;
-- keys: id
select c.id, l.n from shop.customers c, lateral (select count(*) as n from shop.orders o where o.customer_id = c.id) l;
-- keys: id, oid
select c.id, oid, l.amount from shop.customers c left join lateral (select o.id as oid, amount from shop.orders o where o.customer_id = c.id order by amount desc, o.id limit 1) l on true;
-- keys: id, tag
select id, u.tag from shop.customers, unnest(tags) u(tag);
-- keys: id
select c.id, j.key, j.value from shop.events c, json_each(c.doc) j;
select e.id, fullkey, atom from shop.events e, json_tree(e.doc);
select n.id, n.name, m.name as boss from shop.staff n left join shop.staff m on m.id = n.boss;
-- keys: oid, cid
select o.id as oid, c.id as cid, c.name from shop.orders o join shop.customers c on o.customer_id = c.id and c.country = 'CH' and o.amount > c.age;
-- keys: oid, band
select o.id as oid, o.amount, r.band from shop.orders o join (values (0, 30, 'low'), (30, 70, 'mid'), (70, 1000, 'high')) r(lo, hi, band) on o.amount >= r.lo and o.amount < r.hi;
select r.band, count(*) as n from shop.orders o join (values (0, 30, 'low'), (30, 1000, 'high')) r(lo, hi, band) on o.amount between r.lo and r.hi group by r.band;
select * from shop.items i join shop.products p on (p.id = i.product_id) where p.price > 5 order by i.id, p.id;
-- keys: id
select t.id, t.name from (shop.customers t join shop.orders o on o.id = t.id);
select j.id, j.amount, j.age from (shop.customers c join (select id as oid, amount, 5 as age from shop.orders) o on c.id = oid) j;
select o.age, o.amount from (shop.customers c join (select id as oid, amount, 5 as age from shop.orders) o on c.id = oid) o;
select i, n, age from (shop.customers c join (select id as oid, amount from shop.orders) o on c.id = oid) j(i, n);

-- ---- set operations
select id, name from shop.customers union all select id, status from shop.orders;
select country from shop.customers union select status from shop.orders;
select id from shop.customers except select customer_id from shop.orders;
select id from shop.customers intersect select customer_id from shop.orders;
select id from shop.customers except all select customer_id from shop.orders where amount > 30;
select age from shop.customers intersect all select quantity from shop.items;
select id, name from shop.customers union all by name select status as name, amount from shop.orders;
select id, name from shop.customers union by name select id, country from shop.customers;
(select name from shop.customers order by age, id limit 2) union all (select status from shop.orders order by amount, id limit 2);
select id, age from shop.customers union all select id, amount from shop.orders order by 2, 1 limit 7;
select n, count(*) as c from (select age as n from shop.customers union all select quantity from shop.items) group by n;
select 0 as d union all select 1 union all select 2;

-- ---- WITH
with c as (select id, name, age from shop.customers where country = 'CH') select id, upper(name) as n from c where age > 20;
with c(i, n) as (select id, name from shop.customers), o as (select customer_id, sum(amount) as total from shop.orders group by 1) select i, n, total from c left join o on o.customer_id = c.i;
with a as (select id, age from shop.customers), b as (select id, age * 2 as twice from a) select a.id, b.twice, a.age from a join b using (id);
with c as materialized (select country, count(*) as n from shop.customers group by 1) select x.country, x.n, y.n as other from c x join c y on x.n = y.n and x.country < y.country;
with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select n from r;
with recursive t(id, name, depth, path) as (select id, name, 0, name from shop.staff where boss is null union all select s.id, s.name, t.depth + 1, t.path || '/' || s.name from shop.staff s join t on s.boss = t.id) select * from t;
with recursive t(a, b, c) as (select id, age, 0 from shop.customers where id = 1 union all select b, c, a from t where a < 100 and c < 3) select a, b, c from (select * from t limit 5);
with recursive t(x, y) as (select 1, 0 union select x + 1, y + (select max(age) from shop.customers) from t where x < 4) select x, y from t;
with recursive f(id, boss) as (select id, boss from shop.staff union select f.id, s.boss from f join shop.staff s on s.id = f.boss) select id, count(*) as above from f where boss is not null group by id;
with c as (select * from shop.customers) select c.* exclude (tags) from c;
with a as (with b as (select id, email from shop.customers) select id, upper(email) as e from b) select e, id from a;
select (with m as (select max(age) as a from shop.customers) select a from m) as oldest, id from shop.orders;

-- ---- subqueries
-- keys: id
select id, (select max(amount) from shop.orders) as most from shop.customers;
-- keys: id
select id, (select sum(amount) from shop.orders o where o.customer_id = c.id) as total from shop.customers c;
-- keys: id
select id, (select name from shop.customers c where c.id = o.customer_id) as name from shop.orders o;
-- keys: id
select id, exists (select 1 from shop.orders o where o.customer_id = c.id and o.amount > 40) as buys from shop.customers c;
-- keys: id
select id, id in (select customer_id from shop.orders where status = 'paid') as paid from shop.customers;
-- keys: id
select id, age > all (select quantity from shop.items) as above, age = any (select amount::integer from shop.orders) as hit from shop.customers;
-- keys: id
select id, name from shop.customers where id in (select customer_id from shop.orders where amount > 30);
-- keys: id
select id, name from shop.customers c where exists (select 1 from shop.orders o where o.customer_id = c.id);
-- keys: id
select id, name from shop.customers c where not exists (select 1 from shop.orders o where o.customer_id = c.id and o.status = 'open');
-- keys: id
select id, name from shop.customers where age > (select avg(age) from shop.customers);
-- keys: id
select id, name from shop.customers c where age >= (select max(d.age) from shop.customers d where d.country = c.country);
-- keys: id
select id, amount from shop.orders o where (customer_id, amount) in (select customer_id, max(amount) from shop.orders group by customer_id);
-- keys: id
select id, (select count(*) from range(100) r(d) where r.d < c.age) as measured from shop.customers c;
-- keys: id
select id, array(select amount from shop.orders o where o.customer_id = c.id order by amount, o.id) as amounts from shop.customers c;
-- keys: id
select id, case when exists (select 1 from shop.orders o where o.customer_id = c.id) then name else 'nobody' end as n from shop.customers c;
select avg(total) as mean from (select customer_id, sum(amount) as total from shop.orders group by customer_id);
select q.land, q.n from (select country as land, count(*) as n from shop.customers group by country) q where q.n > 1;
select * from (select id, name, age + 1 from shop.customers) q;
select "(age + 1)" as older, id from (select id, age + 1 from shop.customers) q;
select id, id_1 from (select c.id, o.id from shop.customers c join shop.orders o on o.customer_id = c.id);
select id, (select (select max(price) from shop.products p where p.id <= o.id) from shop.orders o where o.id = c.id) as deep from shop.customers c;
select country, count(*) as n from shop.customers c where id in (select customer_id from shop.orders) group by country having count(*) >= (select min(quantity) from shop.items);

-- ---- windows
-- keys: id
select id, row_number() over (order by age, id) as r from shop.customers;
-- keys: id
select id, rank() over (partition by country order by age) as r, count(*) over (partition by country) as n from shop.customers;
-- keys: id
select id, sum(amount) over (partition by customer_id order by ordered_at, id) as running from shop.orders;
-- keys: id
select id, lag(amount) over w as before, lead(status, 1, 'none') over w as after from shop.orders window w as (partition by customer_id order by ordered_at, id);
-- keys: id
select id, first_value(name) over (partition by country order by age, id) as eldest, nth_value(name, 2) over (order by id) as second from shop.customers;
-- keys: id
select id, avg(age) over (order by id rows between 1 preceding and 1 following) as smooth from shop.customers;
-- keys: id
select id, sum(age) filter (where country = 'CH') over (order by id) as swiss from shop.customers;
-- keys: id
select id, ntile(3) over (order by age, id) as third, percent_rank() over (order by age) as p, cume_dist() over (order by age) as c from shop.customers;
-- keys: id
select id, amount / sum(amount) over () as share from shop.orders;
-- keys: id
select id, name from shop.customers qualify row_number() over (partition by country order by age desc, id) = 1;
select country, name from (select *, row_number() over (partition by country order by age, id) as rn from shop.customers) where rn = 1;
select country, sum(age) as total, rank() over (order by sum(age)) as r from shop.customers group by country;
-- keys: id
select id, max(age) over (partition by country, age > 30) as m from shop.customers;
-- keys: id
select id, sum(age) over (order by id range between 2 preceding and current row exclude current row) as s from shop.customers;
-- keys: id
select id, string_agg(name, ',' order by age, id) over (partition by country) as names from shop.customers;
-- keys: id
select id, age - lag(age, 1, 0) over (order by id) as step from shop.customers qualify step > 0;
-- keys: id
select id, dense_rank() over (order by country) as land, sum(age) over (partition by country) as years from shop.customers;

-- ---- unnest, table functions
-- keys: id
select id, unnest(tags) as tag from shop.customers;
select tag, count(*) as n from (select unnest(tags) as tag from shop.customers) group by tag;
select id, unnest([age, id]) as v from shop.customers;
select id, unnest(range(age % 4)) as step from shop.customers;
select id, count(*) as n from (select id, unnest(tags) as tag from shop.customers) group by id;
select c.id, count(*) as n from shop.customers c, range(c.age % 5) g(i) group by c.id;
select id, generate_subscripts(tags, 1) as i from shop.customers;
select u.unnest from unnest([1, 2, 3]) u;
select i, i * i as square from range(5) t(i);
select g.generate_series as v from generate_series(1, 3) g;
select id, x, pos from shop.customers, unnest(tags) with ordinality as u(x, pos);
select sum(x) as s from (select unnest(list_value(age, id)) as x from shop.customers);

-- ---- PIVOT, UNPIVOT
from shop.orders pivot (sum(amount) for status in ('open', 'paid') group by customer_id);
from (select customer_id, status, amount from shop.orders) pivot (sum(amount) as total, count(*) as n for status in ('open', 'paid' as done));
from (select country, age > 30 as old, age from shop.customers) pivot (avg(age) for country in ('CH', 'DE') old in (true, false));
select * from (select id, age, length(name) as letters from shop.customers) unpivot (v for k in (age, letters));
select id, k, v from (select id, name, email from shop.customers) unpivot include nulls (v for k in (name as a, email as b));
select * from (select id, age, country from shop.customers) unpivot (v for k in (columns('ag.')));
select * from (select id, age, length(name) as n from shop.customers) unpivot (v for k in (columns(* exclude id)));
select k, sum(v) as s from (select id, age, length(name) as letters from shop.customers) unpivot (v for k in (age, letters)) group by k;
select p.customer_id, p.open from shop.orders pivot (max(amount) for status in ('open', 'paid') group by customer_id) p;

-- ---- reports, as of a warehouse
select o.status, sum(i.quantity) as sum_quantity, sum(p.price) as sum_base, sum(p.price * (1 - i.quantity / 100.0)) as sum_discounted, avg(i.quantity) as mean, count(*) as n from shop.items i join shop.orders o on o.id = i.id join shop.products p on p.id = i.product_id where o.ordered_at <= date '2024-01-15' group by o.status order by o.status;
select c.name, o.id as oid, sum(i.quantity * p.price) as revenue from shop.customers c, shop.orders o, shop.items i, shop.products p where c.country = 'CH' and c.id = o.customer_id and o.id = i.id and p.id = i.product_id group by c.name, o.id order by revenue desc, oid limit 10;
select o.status, count(*) as n from shop.orders o where o.ordered_at >= date '2024-01-05' and exists (select * from shop.items i where i.id = o.id and i.quantity > 3) group by o.status order by o.status;
select c.country, sum(i.quantity * p.price) as revenue from shop.customers c, shop.orders o, shop.items i, shop.products p where c.id = o.customer_id and i.id = o.id and p.id = i.product_id and c.age >= 20 and o.ordered_at between date '2024-01-02' and date '2024-01-18' group by c.country order by revenue desc;
select sum(p.price * i.quantity) as revenue from shop.items i join shop.products p on p.id = i.product_id where i.quantity between 2 and 6 and p.price < 20;
select x.land, x.year, sum(x.volume) as revenue from (select c.country as land, extract(year from o.ordered_at) as year, i.quantity * p.price as volume from shop.customers c join shop.orders o on o.customer_id = c.id join shop.items i on i.id = o.id join shop.products p on p.id = i.product_id) x group by x.land, x.year;
select year, sum(case when land = 'CH' then volume else 0 end) / sum(volume) as share from (select c.country as land, month(o.ordered_at) as year, o.amount as volume from shop.customers c join shop.orders o on o.customer_id = c.id) group by year;
select c.id, c.name, sum(o.amount) as revenue, c.country from shop.customers c, shop.orders o where c.id = o.customer_id and o.status = 'paid' group by c.id, c.name, c.country order by revenue desc, c.id limit 5;
select p.id, sum(p.price * i.quantity) as value from shop.products p join shop.items i on i.product_id = p.id group by p.id having sum(p.price * i.quantity) > (select sum(q.price) * 0.5 from shop.products q) order by value desc, p.id;
select o.status, sum(case when p.category = 'food' then 1 else 0 end) as food, sum(case when p.category <> 'food' then 1 else 0 end) as rest from shop.orders o, shop.items i, shop.products p where o.id = i.id and p.id = i.product_id group by o.status;
select n, count(*) as customers from (select c.id, count(o.id) as n from shop.customers c left join shop.orders o on c.id = o.customer_id and o.status not like '%ent%' group by c.id) group by n order by customers desc, n desc;
select 100.0 * sum(case when p.title like 'a%' then p.price * i.quantity else 0 end) / sum(p.price * i.quantity) as promo from shop.items i, shop.products p where i.product_id = p.id;
with revenue as (select i.product_id as no, sum(i.quantity) as total from shop.items i group by i.product_id) select p.id, p.title, total from shop.products p, revenue where p.id = no and total = (select max(total) from revenue) order by p.id;
select p.category, p.price, count(distinct i.id) as n from shop.items i, shop.products p where p.id = i.product_id and p.title not like 'x%' and i.id not in (select id from shop.orders where status = 'open') group by p.category, p.price;
select sum(i.quantity) / 7.0 as yearly from shop.items i, shop.products p where p.id = i.product_id and p.category = 'food' and i.quantity < (select 1.2 * avg(j.quantity) from shop.items j where j.product_id = p.id);
select c.name, c.id, o.id as oid, o.amount, sum(i.quantity) as n from shop.customers c, shop.orders o, shop.items i where o.id in (select id from shop.items group by id having sum(quantity) > 5) and c.id = o.customer_id and o.id = i.id group by c.name, c.id, o.id, o.amount;
select sum(p.price) as revenue from shop.items i, shop.products p where (p.id = i.product_id and p.category = 'food' and i.quantity between 1 and 4) or (p.id = i.product_id and p.category = 'toys' and i.quantity between 3 and 9);
select c.name from shop.customers c where c.id in (select o.customer_id from shop.orders o where o.id in (select i.id from shop.items i where i.product_id in (select id from shop.products where title like '%a%'))) order by c.name;
select c.name, count(*) as waits from shop.customers c, shop.orders o where c.id = o.customer_id and exists (select 1 from shop.items i where i.id = o.id) and not exists (select 1 from shop.orders q where q.customer_id = o.customer_id and q.id <> o.id and q.amount > o.amount) group by c.name;
select code, count(*) as n, sum(age) as years from (select substr(phone, 1, 1) as code, age from shop.customers where substr(phone, 1, 1) in ('1', '2', '3') and age > (select avg(age) from shop.customers) and not exists (select 1 from shop.orders o where o.customer_id = customers.id)) group by code;

-- ---- a shop's own questions
-- keys: id
select id, sum(quantity) over (partition by id) as basket, quantity from (select row_number() over () as rn, * from shop.items) qualify row_number() over (partition by id order by rn) = 1;
with first_orders as (select customer_id, min(ordered_at) as first_day from shop.orders group by customer_id) select date_trunc('week', first_day) as cohort, date_diff('day', first_day, o.ordered_at) // 7 as week, count(distinct o.customer_id) as n from shop.orders o join first_orders f using (customer_id) group by all;
with days as (select unnest(generate_series(date '2024-01-01', date '2024-01-10', interval 1 day))::date as d) select d, coalesce(sum(o.amount), 0) as sold from days left join shop.orders o on o.ordered_at = d group by d order by d;
with params as (select date '2024-01-08' as cutoff, 'paid' as wanted) select count(*) as n, sum(amount) as total from shop.orders, params where ordered_at >= cutoff and status = wanted;
with r as (select customer_id, max(ordered_at) as last_day, count(*) as f, sum(amount) as m from shop.orders group by customer_id) select customer_id, ntile(3) over (order by last_day, customer_id) as recency, ntile(3) over (order by f, customer_id) as frequency, ntile(3) over (order by m, customer_id) as money from r;
with pairs as (select a.product_id as a, b.product_id as b from shop.items a join shop.items b on a.id = b.id and a.product_id < b.product_id) select a, b, count(*) as together from pairs group by a, b order by together desc, a, b;
with ranked as (select p.category, p.title, sum(i.quantity) as sold, row_number() over (partition by p.category order by sum(i.quantity) desc, p.title) as place from shop.products p join shop.items i on i.product_id = p.id group by p.category, p.title) select category, title, sold from ranked where place <= 2;
select category, price, price - avg(price) over (partition by category) as above, price > median(price) over () as high from shop.products;
-- keys: id
select id, kind, seen, date_diff('hour', lag(seen) over (order by seen, id), seen) as gap from shop.events;
with gaps as (select id, kind, seen, seen - lag(seen) over (partition by kind order by seen, id) > interval 20 hours as is_new from shop.events), sessions as (select *, count(*) filter (where is_new) over (partition by kind order by seen, id) as session from gaps) select kind, session, count(*) as n, min(seen) as began from sessions group by kind, session;
select (doc ->> '$.a')::integer as a, count(*) as n from shop.events group by 1 having count(*) >= 1 order by 1;
select kind, list(doc ->> '$.b' order by seen, id) as path from shop.events group by kind;
select e.kind, x.value::integer as v, count(*) as n from shop.events e, json_each(e.doc, '$.c') x group by all;
-- keys: id
select id, sha256(lower(trim(email))) as key, regexp_extract(email, '@(.*)$', 1) as host from shop.customers where email is not null;
select host, count(*) as n from (select split_part(email, '@', 2) as host from shop.customers) group by host having host is not null;
select country, address.city as city, max(struct_pack(age := age, name := name)) as eldest from shop.customers group by country, address.city;
select country, max({'age': age, 'id': id}).id as eldest_id from shop.customers group by country;
-- keys: id
select id, len(list_distinct(tags)) as kinds, list_aggregate(tags, 'min') as least_tag, array_to_string(tags, '|') as joined from shop.customers;
-- keys: id
select id, list_zip(tags, range(len(tags))) as numbered, flatten([tags, [country]]) as wider from shop.customers;
-- keys: id
select id, map_from_entries([(country, age)]) as m, struct_insert(address, name := name) as s from shop.customers;
-- keys: id
select id, (address).city as city, array_length(tags) as n, tags || [country] as more from shop.customers;
-- keys: id
select id, case when count(*) over (partition by country) > 3 then name end as popular from shop.customers;
-- keys: id
select id, exists (from shop.orders o where o.customer_id = c.id and o.amount > c.age) as big from shop.customers c;
select a.country, a.n, b.n as of_all from (select country, count(*) as n from shop.customers group by country) a cross join (select count(*) as n from shop.customers) b;
select * from (select country, count(*) as n from shop.customers group by country) natural join (select country, avg(age) as mean from shop.customers group by country);
select coalesce(a.id, b.id) as id, a.age, b.amount from shop.customers a full outer join shop.orders b on a.id = b.id and a.age > b.amount;
-- keys: id, other
select a.id, b.id as other, a.age - b.age as apart from shop.customers a join shop.customers b on a.country = b.country and a.id <> b.id and abs(a.age - b.age) < 10;
-- keys: id
select id, name, age from shop.customers where (country, age) in (select country, max(age) from shop.customers group by country);
-- keys: id
select id, name from shop.customers where country = any (['CH', 'AT']) and not (age < 20 or email is null);
-- keys: id
select id, name from shop.customers where name ilike '%A%' and len(tags) > 0 and address.zip > 1001;
-- keys: id
select id, name from shop.customers where list_contains(tags, 'a') or exists (select 1 from unnest(tags) u(t) where t = country);
-- keys: id
select id from shop.customers c where (select count(*) from shop.orders o where o.customer_id = c.id) between 1 and 3;
-- keys: id
select o.id, o.amount from shop.orders o where o.amount = (select max(x.amount) from shop.orders x where x.status = o.status);
-- keys: id
select id, amount, amount > (select avg(amount) from shop.orders x where x.status = o.status) as above from shop.orders o;
select status, amount, id from shop.orders order by status, amount desc, id limit 5 offset 1;
select status, count(*) as n from shop.orders group by status order by count(*) desc, status limit 1;
select status as s, count(*) as n from shop.orders group by s having s <> 'open' order by s;
select customer_id % 3 as bucket, sum(amount) as total from shop.orders group by bucket order by bucket;
select distinct status, customer_id % 2 as odd from shop.orders where amount > 10;
select distinct on (customer_id) customer_id, status, amount from shop.orders order by customer_id, ordered_at desc, id;
select max(amount) - min(amount) as spread, max(ordered_at) - min(ordered_at) as days from shop.orders;
select count(*) filter (where amount > 50) as big, count(*) filter (where status = 'open') as open, count(*) as n from shop.orders;
select sum(amount) filter (where customer_id in (select id from shop.customers where country = 'CH')) as swiss from shop.orders;
select status, sum(amount) filter (where exists (select 1 from shop.items i where i.id = orders.id)) as with_items from shop.orders group by status;
select grouping_id(country) as g, country, sum(age) as total from shop.customers group by rollup (country);
select country, age, count(*) as n from (select country, age // 20 as age from shop.customers) group by grouping sets ((country, age), (age)) having count(*) > 0;
select d.id, d.n from (select id, row_number() over (order by age desc, id) as n from shop.customers) d where d.n <= 3;
select percentile_cont(0.5) within group (order by amount) as middle from shop.orders;
select string_agg(distinct status, ',' order by status) as all_states from shop.orders;
select arg_min(name, age * 100 + id) as youngest, arg_max(id, age * 100 + id) as eldest from shop.customers;
select avg(age) as a, avg(age) filter (where age > 20) as b, count(age) as c, count(email) as d from shop.customers;
select sum(x) as total from (values (1), (2)) v(x), shop.products;
select v.x, p.title from (values (1), (2), (9)) v(x) left join shop.products p on p.id = v.x;
select * from shop.products where id in (values (1), (2));
select id, title from shop.products union all by name select id, name as title, boss from shop.staff;
select kind from shop.events union all select status from shop.orders union all select category from shop.products;
(select id from shop.orders union select id from shop.items) except select id from shop.products;
select id from shop.orders where amount > 20 intersect select id from shop.items where quantity > 2;
select n from (select id as n from shop.orders intersect select id from shop.products) where n > 2;
with recursive walk(n, total) as (select 1, 0 union all select n + 1, total + (select max(quantity) from shop.items) from walk where n < 4) select max(total) as t from walk;
with recursive up(id, top) as (select id, id from shop.staff where boss is null union all select s.id, up.top from shop.staff s join up on s.boss = up.id) select top, count(*) as n from up group by top;
with recursive fib(a, b) as (select 0, 1 union all select b, a + b from fib where b < 50) select a from fib;
with a as (select id, country from shop.customers), b as (select * from a where country = 'CH'), c as (select * from b union all select id, status from shop.orders) select country, count(*) as n from c group by country;
with x as (select id, age from shop.customers), x2 as (select id, age + 1 as age from x) select x.id, x2.age - x.age as one from x join x2 on x.id = x2.id;
with t as (select id, tags from shop.customers) select id, tag from t cross join unnest(t.tags) as u(tag) where tag <> 'a';
with n as (select name, id from shop.staff) select s.name, n.name as boss from shop.staff s left join n on n.id = s.boss;
-- keys: id
select s.id, s.name, (select count(*) from shop.staff x where x.boss = s.id) as team, (select string_agg(x.name, ',' order by x.id) from shop.staff x where x.boss = s.id) as names from shop.staff s;
-- keys: id
select s.id, coalesce(b.name, 'top') as boss, b.id as bid from shop.staff s left join shop.staff b on b.id = s.boss where b.id is null;
-- keys: id
select id, "name", "id" + 1 as "next id" from shop."staff" as "s";
-- keys: id
select id, case when boss is null then 'top' else (select b.name from shop.staff b where b.id = staff.boss) end as above from shop.staff;
select p.category, max(p.price) filter (where i.quantity > 2) as top, list(distinct i.product_id order by i.product_id) as ids from shop.products p join shop.items i on i.product_id = p.id group by p.category;
select title, price from shop.products p where price >= all (select q.price from shop.products q where q.category = p.category);
select title, price from shop.products where price = (select min(price) from shop.products) or category = 'toys' order by title, price;
select category, sum(price) over (partition by category order by price, id rows unbounded preceding) as running from shop.products;
select category, first_value(title) over w as cheapest, last_value(title) over w as dearest from shop.products window w as (partition by category order by price, id rows between unbounded preceding and unbounded following);
select a.x + b.y as z from (select id as x from shop.products) a, (select quantity as y from shop.items) b where a.x = b.y;
select l.id, r.id as other from shop.products l join shop.products r on l.price < r.price where l.category = r.category;
select count(*) as n, sum(l.price) as s from shop.products l join shop.products r on l.price < r.price;
select l.id, count(*) as cheaper from shop.products l join shop.products r on l.price > r.price group by l.id;
select c.id, count(*) as digit from shop.customers c join range(10) r(d) on r.d < c.age % 10 group by c.id;
select c.id, sum(1) as digit from shop.customers c, range(10) r(d) where r.d <= c.age % 10 group by c.id;
select id, max(d) as digit from (select c.id, r.d from shop.customers c, range(10) r(d) where (c.age % 10) - r.d = 0) group by id;
select id, d from (select id, d, age % 10 - d as s from shop.customers, range(10) r(d)) where s = 0;
select c.id, d from shop.customers c, range(10) r(d) qualify row_number() over (partition by c.id order by abs(d - c.age % 10)) = 1;
select d from range(10) r(d) where d in (select age % 10 from shop.customers);
select d, exists (select 1 from shop.customers where age % 10 = d) as used from range(10) r(d);
select min(d) as d, count(*) as n from range(10) r(d), shop.customers group by d = age % 10;
