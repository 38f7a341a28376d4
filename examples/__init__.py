"""Other people's recommenders, on which the practice is tried."""
