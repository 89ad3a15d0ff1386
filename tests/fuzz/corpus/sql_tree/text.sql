select $a$;$a$, e'\';' /* /* */ */ ; -- x
