SELECT
    e.event_id,
    e.session_id,
    e.customer_id,
    c.country,
    e.event,
    e.channel,
    e.device,
    e.sku,
    e.search_term,
    e.ip_address,
    e.occurred_at
FROM self.unique_events AS e
LEFT JOIN profiles.customers AS c ON c.customer_id = e.customer_id
