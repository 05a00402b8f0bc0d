"""What a person types, what they see while it runs, and how it stops."""
