SELECT
    country,
    customer_type,
    count(DISTINCT customer_id) AS customers,
    count(email) AS reachable
FROM self.cleaned
GROUP BY country, customer_type
-- Fewer than five could be guessed: the release is rejected unless every row is of that many.
HAVING count(DISTINCT customer_id) >= 5
