SELECT
    country,
    customer_type,
    count(*) AS customers,
    count(email) AS reachable
FROM self.cleaned
GROUP BY country, customer_type
