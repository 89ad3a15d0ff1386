SELECT
    p.customer_id,
    p.country,
    f.category AS favourite_category,
    c.channel AS favourite_channel,
    coalesce(f.interest, 0) AS interest,
    len(p.newsletter_topics) > 0 AS wants_newsletter,
    p.newsletter_topics,
    CAST(c.last_seen_at AS DATE) AS last_seen_on
FROM profiles.customers AS p
LEFT JOIN self.favourites AS f ON f.customer_id = p.customer_id
LEFT JOIN self.channels AS c ON c.customer_id = p.customer_id
