SELECT
    c.customer_id,
    c.country,
    c.age_band,
    c.loyalty_tier,
    coalesce(s.orders, 0) AS orders,
    coalesce(s.revenue_chf, 0) AS revenue_chf,
    s.first_order_on,
    s.last_order_on,
    s.recency_score,
    s.frequency_score,
    s.value_score,
    CASE
        WHEN s.customer_id IS NULL THEN 'no orders'
        WHEN s.recency_score >= 4 AND s.frequency_score >= 4 AND s.value_score >= 4 THEN 'champion'
        WHEN s.recency_score >= 3 AND s.frequency_score >= 3 THEN 'loyal'
        WHEN s.recency_score >= 3 THEN 'promising'
        WHEN s.frequency_score >= 3 OR s.value_score >= 4 THEN 'at risk'
        ELSE 'asleep'
    END AS segment
FROM profiles.customers AS c
LEFT JOIN self.scores AS s ON s.customer_id = c.customer_id
