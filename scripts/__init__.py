"""What a person runs: each file is one command."""
