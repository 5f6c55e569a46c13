"""The browser app: page, API endpoints and the limits that make it safe to expose to strangers."""
