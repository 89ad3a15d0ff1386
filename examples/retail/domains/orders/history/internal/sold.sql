SELECT
    o.order_id,
    o.customer_id,
    o.country,
    CAST(o.ordered_at AS DATE) AS ordered_on,
    o.status,
    o.channel,
    z.lines,
    z.pieces,
    o.total_chf
FROM processing.orders AS o
JOIN self.sizes AS z ON z.order_id = o.order_id
