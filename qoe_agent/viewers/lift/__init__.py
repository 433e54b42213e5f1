"""What a difference between arms did to watch time."""
