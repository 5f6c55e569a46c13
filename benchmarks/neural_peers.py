"""Networks of others, trained on a fold."""

NEURAL = ()
