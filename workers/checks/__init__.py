"""One check run over one table, live, in a backtest or replayed: asked, judged, measured again."""
