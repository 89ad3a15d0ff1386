SELECT
    review_id,
    sku,
    customer_id,
    reviewer_name,
    rating,
    title,
    language,
    coalesce(helpful_votes, 0) AS helpful_votes,
    written_at
FROM feed.reviews
WHERE rating BETWEEN 1 AND 5
