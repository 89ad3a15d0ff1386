SELECT * FROM t WHERE k IN (1, 2,3,
 4) AND (a, b) IN (('x', 1), ('y', 2))