"""What runs: the monthly job, ad-hoc questions, the demo, the schedule, and the command line."""
