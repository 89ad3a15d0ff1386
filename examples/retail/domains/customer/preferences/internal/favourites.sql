-- The category of most weight; the alphabet decides among equals, so that runs agree.
SELECT
    customer_id,
    category,
    CAST(sum(weight) OVER (PARTITION BY customer_id) AS BIGINT) AS interest
FROM self.interest
QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY weight DESC, category) = 1
