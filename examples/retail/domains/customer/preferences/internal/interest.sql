-- How much a customer looked at each category; what was put into the cart counts three times.
SELECT
    e.customer_id,
    a.category,
    CAST(sum(CASE e.event WHEN 'add_to_cart' THEN 3 WHEN 'wishlist' THEN 2 ELSE 1 END) AS BIGINT) AS weight
FROM interactions.events AS e
JOIN catalog.articles AS a ON a.sku = e.sku
WHERE e.customer_id IS NOT NULL
GROUP BY e.customer_id, a.category
