"""The browser app, built on gradio: the API endpoints, the page and the server."""
