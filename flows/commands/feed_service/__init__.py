"""The feed as a small service that only reads; start at `reading_service.py`."""
