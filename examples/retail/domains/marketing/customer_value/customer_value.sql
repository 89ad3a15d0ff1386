SELECT
    v.customer_id,
    v.country,
    v.age_band,
    v.loyalty_tier,
    v.orders,
    v.revenue_chf,
    CAST(v.revenue_chf / nullif(v.orders, 0) AS DECIMAL(12, 2)) AS average_order_chf,
    v.first_order_on,
    v.last_order_on,
    v.recency_score,
    v.frequency_score,
    v.value_score,
    v.segment,
    p.favourite_category,
    coalesce(o.reviews, 0) AS reviews,
    o.average_rating
FROM self.valued AS v
LEFT JOIN preferences.preferences AS p ON p.customer_id = v.customer_id
LEFT JOIN self.opinions AS o ON o.customer_id = v.customer_id
