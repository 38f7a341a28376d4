"""The first days of a source: what is odd or new in it, and what will be watched from when on."""
