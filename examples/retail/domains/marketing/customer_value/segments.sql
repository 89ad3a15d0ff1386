SELECT
    segment,
    country,
    count(*) AS customers,
    CAST(sum(orders) AS BIGINT) AS orders,
    CAST(sum(revenue_chf) AS DECIMAL(14, 2)) AS revenue_chf
FROM self.valued
GROUP BY segment, country
