"""What a program did under staggered rollout, and which estimate answers which question."""
