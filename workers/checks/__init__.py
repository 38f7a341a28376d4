"""How one check runs over one table, live, in a backtest or in a replay: read, judge, measure again."""
