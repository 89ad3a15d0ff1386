-- Spelling of contact data made uniform, once, for all tables of this product.
SELECT
    customer_id,
    customer_key,
    type AS customer_type,
    trim(first_name) AS first_name,
    trim(last_name) AS last_name,
    lower(trim(email)) AS email,
    regexp_replace(phone, '[^0-9+]', '', 'g') AS phone,
    birth_date,
    postal_code,
    city,
    country,
    language,
    tier AS loyalty_tier,
    newsletter_topics,
    credit_limit,
    CAST(registered_at AS DATE) AS registered_on
FROM crm.customers
