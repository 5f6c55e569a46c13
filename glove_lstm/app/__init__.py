"""The browser app: the API endpoints, the page and the server, on the limits of gradio."""
