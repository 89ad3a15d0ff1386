SELECT a --the password is hunter2
FROM t /* card 4111 /* nested 'x' */ here */ WHERE b = 1