SELECT
    customer_id,
    count(*) AS reviews,
    CAST(round(avg(rating), 2) AS DECIMAL(3, 2)) AS average_rating
FROM reviews.reviews
GROUP BY customer_id
