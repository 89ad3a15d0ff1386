SELECT
    order_id,
    count(*) AS lines,
    CAST(sum(quantity) AS BIGINT) AS pieces
FROM processing.order_items
GROUP BY order_id
