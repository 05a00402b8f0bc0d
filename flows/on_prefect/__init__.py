"""The same jobs as Prefect flows: forms, retries, artifacts and schedules."""
