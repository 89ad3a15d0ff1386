SELECT
    order_id,
    customer_id,
    ordered_at,
    status,
    channel,
    country,
    currency,
    fx_rate,
    discount_amount,
    shipping_amount,
    total_amount,
    CAST(round(total_amount * fx_rate, 2) AS DECIMAL(12, 2)) AS total_chf,
    details ->> 'coupon' AS coupon,
    coalesce(details ->> 'gift' = 'true', false) AS is_gift
FROM shop.orders
