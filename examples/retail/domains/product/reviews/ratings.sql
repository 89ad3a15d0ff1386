SELECT
    a.sku,
    a.name,
    a.category,
    count(*) AS reviews,
    CAST(round(avg(r.rating), 2) AS DECIMAL(3, 2)) AS average_rating,
    count(*) FILTER (WHERE r.rating = 5) AS five_stars,
    count(*) FILTER (WHERE r.rating = 1) AS one_star
FROM self.valid AS r
JOIN catalog.articles AS a ON a.sku = r.sku
GROUP BY a.sku, a.name, a.category
