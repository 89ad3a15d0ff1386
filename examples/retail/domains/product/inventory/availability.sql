SELECT
    a.sku,
    a.name,
    a.category,
    CAST(sum(w.quantity_on_hand) AS BIGINT) AS available,
    count(*) FILTER (WHERE w.quantity_on_hand > 0) AS warehouses,
    sum(w.quantity_on_hand) <= sum(w.reorder_level) AS needs_reorder
FROM catalog.articles AS a
JOIN warehouse.inventory AS w ON w.sku = a.sku
WHERE a.is_sold
GROUP BY a.sku, a.name, a.category
