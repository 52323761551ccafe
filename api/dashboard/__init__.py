"""The dashboard: pages made here of what the API gives, which work without anything from elsewhere."""
