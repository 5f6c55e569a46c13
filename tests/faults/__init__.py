"""What a kill, a full disk and damaged files do to each stage, from the download to the push."""
