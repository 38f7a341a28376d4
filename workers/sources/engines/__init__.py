"""Opens tables: files and databases through Ibis, and the SQL that a table may be."""
