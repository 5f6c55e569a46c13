"""Configuration, network and n-gram classifier: the files that travel to the Hub."""
