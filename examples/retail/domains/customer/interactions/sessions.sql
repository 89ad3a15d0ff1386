SELECT
    e.session_id,
    max(e.customer_id) AS customer_id,
    max(c.country) AS country,
    arg_min(e.channel, e.occurred_at) AS channel,
    min(e.occurred_at) AS started_at,
    max(e.occurred_at) AS ended_at,
    count(*) AS events,
    count(DISTINCT e.sku) AS articles_viewed,
    bool_or(e.event = 'add_to_cart') AS filled_cart
FROM self.unique_events AS e
LEFT JOIN profiles.customers AS c ON c.customer_id = e.customer_id
GROUP BY e.session_id
