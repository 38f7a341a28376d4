"""Pictures of a metric, a launch, an item, a menu, as PNG; and an incident's metric drawn again."""
