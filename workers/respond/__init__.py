"""What answers an incident: diagnosis, menu, deployment, watch, follow-up."""
