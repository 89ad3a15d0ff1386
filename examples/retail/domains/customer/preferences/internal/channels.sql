-- Where a customer was seen most, and when last.
SELECT
    customer_id,
    channel,
    max(max(occurred_at)) OVER (PARTITION BY customer_id) AS last_seen_at
FROM interactions.events
WHERE customer_id IS NOT NULL
GROUP BY customer_id, channel
QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY count(*) DESC, channel) = 1
