"""From incidents to the person on call: what is worth telling (`policy`, pure), and how it gets there (delivery)."""
