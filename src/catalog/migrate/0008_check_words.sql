-- What a contract says of a rule beside what it demands.
ALTER TABLE check_result ADD COLUMN schedule TEXT;
ALTER TABLE check_result ADD COLUMN business_impact TEXT;
ALTER TABLE check_result ADD COLUMN tags TEXT;
