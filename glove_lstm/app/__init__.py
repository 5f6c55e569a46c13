"""The checkpoint in a browser: pages, API endpoints, and what keeps them safe to expose to strangers."""
