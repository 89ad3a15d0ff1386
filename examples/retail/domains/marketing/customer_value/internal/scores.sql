-- Fifths of the customers who ordered: 5 is best. The customer's number decides among equals, so that runs agree.
SELECT
    customer_id,
    orders,
    revenue_chf,
    first_order_on,
    last_order_on,
    CAST(ntile(5) OVER (ORDER BY last_order_on, customer_id) AS INTEGER) AS recency_score,
    CAST(ntile(5) OVER (ORDER BY orders, customer_id) AS INTEGER) AS frequency_score,
    CAST(ntile(5) OVER (ORDER BY revenue_chf, customer_id) AS INTEGER) AS value_score
FROM self.activity
