"""What a kill, a full disk and damaged files do to each stage."""
