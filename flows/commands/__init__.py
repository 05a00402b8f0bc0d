"""What a person types: the commands, and what they print."""
