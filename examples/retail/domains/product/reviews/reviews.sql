SELECT
    review_id,
    sku,
    customer_id,
    reviewer_name,
    rating,
    title,
    language,
    helpful_votes,
    written_at
FROM self.valid
