"""The PostgreSQL server that holds the branches' databases."""
