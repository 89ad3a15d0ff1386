SELECT
    customer_id,
    count(*) AS orders,
    CAST(sum(total_chf) AS DECIMAL(14, 2)) AS revenue_chf,
    min(ordered_on) AS first_order_on,
    max(ordered_on) AS last_order_on
FROM history.customer_orders
WHERE status NOT IN ('cancelled', 'returned')
GROUP BY customer_id
