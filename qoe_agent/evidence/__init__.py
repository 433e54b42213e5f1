"""What happened, kept when an incident opens: stills, a clip, and what was known then; within a budget."""
