"""A second world: a radio whose tracks are chosen by a model."""
