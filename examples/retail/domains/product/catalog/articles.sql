SELECT
    sku,
    name,
    category,
    brand,
    list_price AS list_price_chf,
    weight_kg,
    attributes ->> 'material' AS material,
    coalesce(attributes ->> 'made_in' = 'CH', false) AS is_swiss_made,
    launched_on,
    discontinued_on,
    discontinued_on IS NULL AS is_sold
FROM pim.articles
