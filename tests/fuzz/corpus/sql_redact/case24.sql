  select   ID
	FROM	Sales.Orders."Orders"  WHERE Id=7 ;  