SELECT a FROM s.t WHERE k > $since AND '$since' <> $$ $since $$ -- $since
OR $SINCE < k