"""
A miniature recommender that really recommends films, and can be made to go wrong.

    catalogue ─▶ features ─▶ model ─▶ rails ─▶ serve ─▶ impressions, plays, candidates
        ▲            ▲         ▲        ▲                          │
     deliveries   overrides  training  boosts                      ▼
                                                     Parquet under tables/ (TABLES.md)

It embeds `recsysops_client` as any recommender would, and knows nothing else of the project.
"""
