SELECT
    s.shipment_id,
    s.order_id,
    o.customer_id,
    o.country,
    s.carrier,
    s.tracking_code,
    s.weight_kg,
    CAST(s.sides_cm[1] * s.sides_cm[2] * s.sides_cm[3] * 0.001 AS DECIMAL(8, 1)) AS volume_l,
    s.shipped_at,
    s.promised_on,
    s.delivered_at,
    date_diff('hour', o.ordered_at, s.delivered_at) AS hours_to_delivery,
    CAST(s.delivered_at AS DATE) <= s.promised_on AS is_on_time
FROM logistics.shipments AS s
JOIN processing.orders AS o ON o.order_id = s.order_id
