SELECT
    w.sku,
    w.warehouse,
    w.quantity_on_hand,
    w.reorder_level,
    a.is_sold AND w.quantity_on_hand <= w.reorder_level AS needs_reorder,
    w.counted_on
FROM warehouse.inventory AS w
JOIN catalog.articles AS a ON a.sku = w.sku
