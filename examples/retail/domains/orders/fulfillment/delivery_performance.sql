SELECT
    CAST(date_trunc('month', s.shipped_at) AS DATE) AS month,
    s.carrier,
    count(*) AS parcels,
    count(*) FILTER (WHERE CAST(s.delivered_at AS DATE) <= s.promised_on) AS on_time,
    CAST(100 * avg((CAST(s.delivered_at AS DATE) <= s.promised_on)::INTEGER) AS DECIMAL(5, 1)) AS on_time_percent,
    CAST(avg(date_diff('hour', o.ordered_at, s.delivered_at)) AS DECIMAL(8, 1)) AS average_hours
FROM logistics.shipments AS s
JOIN processing.orders AS o ON o.order_id = s.order_id
WHERE s.delivered_at IS NOT NULL
GROUP BY CAST(date_trunc('month', s.shipped_at) AS DATE), s.carrier
