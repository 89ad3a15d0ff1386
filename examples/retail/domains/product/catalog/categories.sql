SELECT
    category,
    count(*) AS articles,
    count(DISTINCT brand) AS brands,
    min(list_price) AS lowest_price_chf,
    max(list_price) AS highest_price_chf
FROM pim.articles
WHERE discontinued_on IS NULL
GROUP BY category
