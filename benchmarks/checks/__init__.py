"""All three checks over ten million rows."""
