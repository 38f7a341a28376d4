"""A fourth world: a grocer in three countries, closed at night, that recommends extras for the basket."""
