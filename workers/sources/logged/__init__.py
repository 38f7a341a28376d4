"""What is logged of requests, scores and trainings: joined and aggregated in the engine."""
