SELECT
    o.order_id,
    o.customer_id,
    o.country,
    o.ordered_on,
    o.status,
    o.channel,
    o.lines,
    o.pieces,
    o.total_chf,
    s.carrier,
    CAST(s.delivered_at AS DATE) AS delivered_on,
    s.is_on_time
FROM self.sold AS o
LEFT JOIN fulfillment.shipments AS s ON s.order_id = o.order_id
