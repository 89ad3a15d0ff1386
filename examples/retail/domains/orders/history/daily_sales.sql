SELECT
    ordered_on AS day,
    country,
    channel,
    count(*) AS orders,
    CAST(sum(pieces) AS BIGINT) AS pieces,
    CAST(sum(total_chf) AS DECIMAL(14, 2)) AS revenue_chf,
    CAST(coalesce(sum(total_chf) FILTER (WHERE status = 'returned'), 0) AS DECIMAL(14, 2)) AS returned_chf
FROM self.sold
WHERE status <> 'cancelled'
GROUP BY ordered_on, country, channel
