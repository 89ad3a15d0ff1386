SELECT
    customer_id,
    customer_key,
    customer_type,
    first_name,
    last_name,
    email,
    phone,
    birth_date,
    CASE
        WHEN birth_date IS NULL THEN 'unknown'
        WHEN birth_date > DATE '1995-12-31' THEN 'under 30'
        WHEN birth_date > DATE '1980-12-31' THEN '30 to 44'
        WHEN birth_date > DATE '1965-12-31' THEN '45 to 59'
        ELSE '60 and over'
    END AS age_band,
    postal_code,
    city,
    country,
    language,
    loyalty_tier,
    newsletter_topics,
    credit_limit,
    registered_on
FROM self.cleaned
