"""The page that a report is made of."""
