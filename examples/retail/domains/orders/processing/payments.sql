SELECT
    payment_id,
    order_id,
    method,
    status,
    amount,
    fee,
    paid_at,
    signature
FROM shop.payments
