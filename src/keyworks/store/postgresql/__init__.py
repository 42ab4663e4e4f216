"""PostgreSQL: a database on a server that several nodes share."""
