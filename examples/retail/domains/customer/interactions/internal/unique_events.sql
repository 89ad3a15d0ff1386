-- The tracker repeats events that it believes lost: the repeated ones are equal in every field.
SELECT DISTINCT
    event_id,
    session_id,
    customer_id,
    event,
    channel,
    device.kind AS device,
    sku,
    search_term,
    ip_address,
    occurred_at
FROM tracker.interactions
