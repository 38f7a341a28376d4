"""What is logged about requests, scores and trainings: joined and aggregated in the engine."""
